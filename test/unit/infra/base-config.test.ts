import { expect, it } from 'vitest';
import { loadOnlineStoreConfig } from '../../../src/infra/base-config.ts';

const urlOf = (text: string): string => loadOnlineStoreConfig({ MILLRACE_REDIS_URL: text }).redisUrl;

it.each(['redis://a:1', 'redis://a:1,redis://b:2', 'rediss://u:p@a:1?cluster=true'])('takes %s for Redis', (text) => {
  expect(urlOf(text)).toBe(text);
});

it.each(['a:1', 'redis://a:1,b:2', 'redis://a:1,', 'http://a:1'])('refuses %s for Redis', (text) => {
  expect(() => urlOf(text)).toThrow(/MILLRACE_REDIS_URL: expected 'redis:\/\/host:port', or nodes of a cluster/);
});

import { expect, it } from 'vitest';
import { loadBaseConfig, loadOnlineStoreConfig } from '../../../src/infra/base-config.ts';

const urlOf = (text: string): string => loadOnlineStoreConfig({ MILLRACE_REDIS_URL: text }).redisUrl;

it.each(['redis://a:1', 'redis://a:1,redis://b:2', 'rediss://u:p@a:1?cluster=true'])('takes %s for Redis', (text) => {
  expect(urlOf(text)).toBe(text);
});

it.each(['a:1', 'redis://a:1,b:2', 'redis://a:1,', 'http://a:1'])('refuses %s for Redis', (text) => {
  expect(() => urlOf(text)).toThrow(/MILLRACE_REDIS_URL: expected 'redis:\/\/host:port', or nodes of a cluster/);
});

const load = (environment: Readonly<Record<string, string>>) => () => loadBaseConfig({ MILLRACE_PROJECT: 'x.ts', ...environment });

it('shows no password of an address that is wrong', () => {
  const wrong = load({ MILLRACE_POSTGRES_URL: 'mysql://user:secret@a:1/b', MILLRACE_REDIS_URL: 'redis://:secret@a:1,b:2' });
  expect(wrong).toThrow("found 'mysql://...@a:1/b'");
  expect(wrong).toThrow(/^(?!.*secret)/);
});

it('wants the files that an address of Postgres names', () => {
  expect(load({ MILLRACE_POSTGRES_URL: 'postgresql://a/b?sslmode=verify-full&sslrootcert=/no-such' })).toThrow(/MILLRACE_POSTGRES_URL: expected sslrootcert/);
});

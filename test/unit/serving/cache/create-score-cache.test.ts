import { expect, test } from 'vitest';
import { createNames } from '../../../../src/contracts/names.ts';
import { createLogger } from '../../../../src/infra/logger.ts';
import type { Redis } from '../../../../src/infra/redis.ts';
import { systemTimers } from '../../../../serving/batcher/timers.ts';
import { createScoreCache } from '../../../../serving/cache/create-score-cache.ts';
import { LOOK_WINDOW_ROWS_MIN } from '../../../../serving/cache/look-sampling.ts';

test.each([
  ['a small cache', 100, LOOK_WINDOW_ROWS_MIN],
  ['one with more room than the least window', LOOK_WINDOW_ROWS_MIN + 1_000, LOOK_WINDOW_ROWS_MIN + 1_000],
])('%s looks every row up until so many have shown that none comes again', async (_, cacheRowsMax, window) => {
  const counted = { memory: 0, shared: 0, joined: 0, run: 0, skipped: 0 };
  const cache = createScoreCache(
    { caching: { cache: 'memory', cacheRowsMax, cacheTtlMs: 60_000 }, redis: {} as Redis, names: createNames('test'), timers: systemTimers, logger: createLogger('test', 'silent') },
    'digest',
    1,
    (outcome, rows) => (counted[outcome] += rows),
  )!;
  const ask = (row: number) => cache.score(Float32Array.of(row), () => Promise.resolve({ scores: Float32Array.of(0.5), queueMs: 0, computeMs: 1 }), systemTimers.now() + 60_000);
  for (let row = 0; row < window; row++) await ask(row);
  expect(counted).toEqual({ memory: 0, shared: 0, joined: 0, run: window, skipped: 0 });
  for (let row = window; row < window + 320; row++) await ask(row);
  expect(counted.skipped).toBeGreaterThan(320 - 60);
});

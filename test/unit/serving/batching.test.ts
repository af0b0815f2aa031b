import { expect, it } from 'vitest';
import { batchingOf, cachingOf } from '../../../serving/batching.ts';
import type { ServingPolicy } from '../../../src/define/model.ts';

const settings = { queueRowsMax: 4_096, minimumWaitMs: 1 };

it('takes the settings of the process where a model says nothing', () => {
  expect(batchingOf(undefined, settings, 8)).toEqual({
    batchRowsMax: null,
    queueRowsMax: 4_096,
    minimumWaitMs: 1,
    preferredRows: [],
    instances: 1,
    threads: 1,
  });
});

it('takes what a model says', () => {
  const policy: ServingPolicy = { batchRowsMax: 64, minimumWait: '5ms', preferredRows: [8, 32], queueRowsMax: 128, instances: 2, threads: 4 };
  expect(batchingOf(policy, settings, 8)).toEqual({ batchRowsMax: 64, minimumWaitMs: 5, preferredRows: [8, 32], queueRowsMax: 128, instances: 2, threads: 4 });
});

it.each([
  [{ instances: 4, threads: 4 }, 8, { instances: 4, threads: 2 }],
  [{ instances: 3, threads: 4 }, 8, { instances: 3, threads: 2 }],
  [{ instances: 4, threads: 4 }, 2, { instances: 2, threads: 1 }],
  [{ threads: 4 }, 1, { instances: 1, threads: 1 }],
])('gives sessions no more threads together than there are cores: %o on %i', (policy, cores, expected) => {
  expect(batchingOf(policy, settings, cores)).toMatchObject(expected);
});

it('keeps scores as the process is set, and as a model says where it does', () => {
  const process = { cache: 'memory', cacheRowsMax: 1_000, cacheTtlMs: 60_000 } as const;
  expect(cachingOf(undefined, process)).toEqual(process);
  expect(cachingOf({ cache: 'off' }, process)).toEqual({ ...process, cache: 'off' });
  expect(cachingOf({ cache: 'redis', cacheRowsMax: 5, cacheTtl: '2m' }, process)).toEqual({ cache: 'redis', cacheRowsMax: 5, cacheTtlMs: 120_000 });
});

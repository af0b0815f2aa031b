import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createRolloutActivities } from '../../../activities/rollout.ts';
import type { Postgres } from '../../../src/infra/postgres.ts';
import type { Registry } from '../../../src/registry/registry.ts';
import type { ServingReport } from '../../../src/registry/serving-status.ts';

type Report = Pick<ServingReport, 'process' | 'revision' | 'loaded' | 'rejected'>;

/** By the wall clock, each look at the reports takes so long. */
const LOOK_MS = 50_000;
const report = (over: Partial<Report>): Report => ({
  process: 'p',
  revision: 4,
  loaded: [2],
  rejected: [],
  ...over,
});

beforeEach(() => vi.useFakeTimers({ toFake: ['Date'] }));
afterEach(() => vi.useRealTimers());

/** Waits for version 2 by revision 4 while these processes report. */
async function awaitServing(...reports: readonly Report[]): Promise<number> {
  let looks = 0;
  const liveServing = () => {
    looks++;
    vi.setSystemTime(Date.now() + LOOK_MS);
    return Promise.resolve(reports);
  };
  const activities = createRolloutActivities({
    postgres: {} as Postgres,
    registry: { liveServing } as unknown as Registry,
    models: [],
  });
  const request = { model: 'm', version: 2, revision: 4 };
  const environment = new MockActivityEnvironment({}, { logger: new DefaultLogger('ERROR') });
  await environment.run((input: typeof request) => activities.awaitServing(input), request);
  return looks;
}

test('a version that every process has loaded is served at once', async () => {
  expect(await awaitServing(report({}), report({ process: 'q', revision: 5 }))).toBe(1);
});

test.each([
  ['nobody serves the model', [], /no serving process reports/],
  [
    'a process has not loaded it',
    [report({}), report({ loaded: [1] })],
    /1 of 2 serving processes have not loaded it/,
  ],
  ['a process is behind', [report({ revision: 3 })], /1 of 1 serving processes have not/],
])(
  'where %s, the wait ends with SERVING_NOT_REPORTING, which may be tried again',
  async (_name, reports, message) => {
    await expect(awaitServing(...reports)).rejects.toMatchObject({
      type: 'SERVING_NOT_REPORTING',
      nonRetryable: false,
      message: expect.stringMatching(message) as unknown,
    });
  },
);

test('a version that a process refused is SERVING_VERSION_REJECTED without a wait', async () => {
  const refusing = report({ loaded: [], rejected: [{ version: 2, reason: 'golden batch failed' }] });
  await expect(awaitServing(refusing)).rejects.toMatchObject({
    type: 'SERVING_VERSION_REJECTED',
    nonRetryable: true,
  });
});

import { afterAll, beforeAll, expect, test } from 'vitest';
import { followRetraining } from '../../../cli/follow-retraining.ts';
import { lifecycleOf } from '../../../cli/lifecycle-client.ts';
import { connectTemporal, type TemporalClient } from '../../../src/infra/temporal.ts';
import { testPrefix, testStack } from '../../support/test-stack.ts';

let temporal: TemporalClient;
beforeAll(async () => {
  const { temporalAddress: address, temporalNamespace: namespace } = testStack();
  temporal = await connectTemporal({ address, namespace });
});
afterAll(() => temporal.close());

const follow = (timeoutMs: number, signal: AbortSignal) => {
  const namespace = testPrefix();
  return followRetraining({
    client: temporal.client,
    namespace,
    model: 'fraud',
    lifecycle: lifecycleOf(temporal.client, namespace, 'fraud'),
    cycleBefore: 0,
    askedAt: Date.now(),
    timeoutMs,
    signal,
    onNews: () => undefined,
  });
};

test('a training that never starts is given up after the timeout, and says that it goes on', async () => {
  await expect(follow(1_500, new AbortController().signal)).rejects.toMatchObject({
    code: 'WAIT_TIMED_OUT',
    message: expect.stringContaining("'fraud' has no verdict within 1500ms") as string,
  });
});

test('an interruption ends the wait at once and is not a timeout', async () => {
  const interrupted = new AbortController();
  setTimeout(() => interrupted.abort(new Error('interrupted by SIGINT')), 300);
  await expect(follow(60_000, interrupted.signal)).rejects.not.toMatchObject({ code: 'WAIT_TIMED_OUT' });
});

import { describe, expect, it } from 'vitest';
import { Batcher, type BatcherOptions } from '../../../../serving/batcher/batcher.ts';
import { MillraceError } from '../../../../src/core/millrace-error.ts';
import { VirtualTimers } from '../../../support/serving/virtual-timers.ts';

function setUp(over: Partial<BatcherOptions> = {}, batchMs = 10) {
  const timers = new VirtualTimers();
  const batches: { at: number; rows: number }[] = [];
  const batcher = new Batcher({
    label: 'm/1',
    columns: 1,
    batchRowsMax: 4,
    queueRowsMax: 8,
    minimumWaitMs: 0,
    warmBatchMs: batchMs,
    timers,
    run: async (features) => {
      batches.push({ at: timers.now(), rows: features.length });
      const scores = features.slice();
      await timers.sleep(batchMs);
      return scores;
    },
    ...over,
  });
  const submit = (value: number, rows = 1, deadline = 1_000) =>
    batcher.submit(rows, (row, out, at) => (out[at] = value + row), deadline);
  return { timers, batches, batcher, submit };
}

describe('the batcher', () => {
  it('runs at once when idle and gathers while it is busy', async () => {
    const { timers, batches, submit } = setUp();
    const answers = [submit(1)];
    await timers.runUntil(2);
    answers.push(submit(2), submit(3));
    await timers.runUntil(50);
    expect(batches).toEqual([
      { at: 0, rows: 1 },
      { at: 10, rows: 2 },
    ]);
    const last = (await Promise.all(answers))[2];
    expect(last).toMatchObject({ queueMs: 8, computeMs: 10 });
  });

  it('splits a long request over batches and puts it together again', async () => {
    const { timers, batches, submit } = setUp();
    const answer = submit(0, 7);
    await timers.runUntil(50);
    expect(batches.map((batch) => batch.rows)).toEqual([4, 3]);
    expect([...(await answer).scores]).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it('refuses what the queue cannot hold, with a wait from the drain rate', async () => {
    const { timers, submit } = setUp({ batchRowsMax: 4 }, 4_000);
    const first = submit(0, 1, 60_000);
    await timers.runUntil(1);
    const others = [submit(1, 4, 60_000), submit(1, 4, 60_000)];
    await expect(submit(1, 1, 60_000)).rejects.toMatchObject({
      code: 'SERVING_OVERLOADED',
      details: { retryAfterSeconds: 8 },
    });
    await timers.runUntil(60_000);
    await Promise.all([first, ...others]);
  });

  it('refuses at once what cannot make its deadline', async () => {
    const { timers, submit } = setUp();
    const first = submit(0);
    await timers.runUntil(1);
    await expect(submit(1, 1, 5)).rejects.toMatchObject({ code: 'SERVING_DEADLINE_EXCEEDED' });
    await timers.runUntil(50);
    await first;
  });

  it('fails a queued request at its deadline and spends no compute on it', async () => {
    const { timers, batches, submit } = setUp({ warmBatchMs: 0.001 });
    const first = submit(0);
    await timers.runUntil(1);
    const hopeful = submit(1, 1, 6);
    const failed = expect(hopeful).rejects.toMatchObject({ code: 'SERVING_DEADLINE_EXCEEDED' });
    await timers.runUntil(50);
    await failed;
    await first;
    expect(batches).toHaveLength(1);
  });

  it('runs a batch again, once, when its session was lost', async () => {
    let attempts = 0;
    const { timers, submit } = setUp({
      run: (features) =>
        attempts++ === 0
          ? Promise.reject(new MillraceError('SERVING_SESSION_LOST', 'gone'))
          : Promise.resolve(features.slice()),
    });
    const answer = submit(7);
    await timers.runUntil(50);
    expect([...(await answer).scores]).toEqual([7]);
    expect(attempts).toBe(2);
  });

  it('waits for company where a minimum wait is set, but not once the batch is full', async () => {
    const { timers, batches, submit } = setUp({ minimumWaitMs: 5 });
    const answers = [submit(1)];
    await timers.runUntil(3);
    answers.push(submit(2));
    await timers.runUntil(20);
    answers.push(submit(0, 4));
    await timers.runUntil(60);
    await Promise.all(answers);
    expect(batches).toEqual([
      { at: 5, rows: 2 },
      { at: 20, rows: 4 },
    ]);
  });

  it('fails only the request whose row could not be written', async () => {
    const { timers, batcher, submit } = setUp();
    const good = submit(3);
    const bad = batcher.submit(1, () => { throw new TypeError('no such value'); }, 1_000);
    await expect(bad).rejects.toThrow('no such value');
    await timers.runUntil(50);
    expect([...(await good).scores]).toEqual([3]);
  });
});

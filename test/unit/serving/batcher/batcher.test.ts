import { describe, expect, it } from 'vitest';
import { Departure } from '../../../../serving/batcher/departure.ts';
import { MillraceError } from '../../../../src/core/millrace-error.ts';
import { VirtualTimers } from '../../../support/serving/virtual-timers.ts';
import { openBatcherStage } from '../../../support/serving/batcher-stage.ts';

describe('the batcher', () => {
  it('runs at once when idle and gathers while it is busy', async () => {
    const { timers, batches, submit } = openBatcherStage();
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
    const { timers, batches, submit } = openBatcherStage();
    const answer = submit(0, 7);
    await timers.runUntil(50);
    expect(batches.map((batch) => batch.rows)).toEqual([4, 3]);
    expect([...(await answer).scores]).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it('refuses what the queue cannot hold, with a wait from the drain rate', async () => {
    const { timers, submit } = openBatcherStage({ batchRowsMax: 4 }, 4_000);
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
    const { timers, submit } = openBatcherStage();
    const first = submit(0);
    await timers.runUntil(1);
    await expect(submit(1, 1, 5)).rejects.toMatchObject({ code: 'SERVING_DEADLINE_EXCEEDED' });
    await timers.runUntil(50);
    await first;
  });

  it('fails a queued request at its deadline and spends no compute on it', async () => {
    const { timers, batches, submit } = openBatcherStage({ warmBatchMs: 0.001 });
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
    const { timers, submit } = openBatcherStage({
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

  it('fails the request with the row that a run fails on, and runs the others apart from it', async () => {
    const ran: number[][] = [];
    const { timers, batcher, submit } = openBatcherStage({
      batchRowsMax: 8,
      run: (features) => {
        ran.push([...features]);
        return features.includes(30) ? Promise.reject(new MillraceError('SERVING_SESSION_FAILED', 'no')) : Promise.resolve(features.slice());
      },
    });
    const good = [submit(10), submit(20, 2), submit(40)];
    const bad = expect(submit(30)).rejects.toMatchObject({ code: 'SERVING_SESSION_FAILED' });
    await timers.runUntil(50);
    await bad;
    expect((await Promise.all(good)).map(({ scores }) => [...scores])).toEqual([[10], [20, 21], [40]]);
    expect(ran).toEqual([[10, 20, 21, 40, 30], [10, 20, 21], [40, 30], [40], [30]]);
    await batcher.idle();
  });

  it('waits for company where a minimum wait is set, but not once the batch is full', async () => {
    const { timers, batches, submit } = openBatcherStage({ minimumWaitMs: 5 });
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
    const { timers, batcher, submit } = openBatcherStage();
    const good = submit(3);
    const bad = batcher.submit(1, () => { throw new TypeError('no such value'); }, 1_000);
    const failed = expect(bad).rejects.toThrow('no such value');
    await timers.runUntil(50);
    await failed;
    expect([...(await good).scores]).toEqual([3]);
  });

  it('runs as many batches at one time as it has sessions, and no more', async () => {
    const { timers, batches, submit } = openBatcherStage({ instances: 2, batchRowsMax: 2 });
    const answers = [1, 2, 3, 4, 5].map((value) => submit(value));
    await timers.runUntil(50);
    await Promise.all(answers);
    expect(batches).toEqual([
      { at: 0, rows: 2 },
      { at: 0, rows: 2 },
      { at: 10, rows: 1 },
    ]);
  });

  it('counts the time of batches that run side by side once', async () => {
    const { timers, batches, submit } = openBatcherStage({ instances: 2, batchRowsMax: 2 });
    const answer = submit(0, 7);
    await timers.runUntil(50);
    expect(batches.map(({ at }) => at)).toEqual([0, 0, 10, 10]);
    expect(await answer).toMatchObject({ queueMs: 0, computeMs: 20 });
  });

  it('ends a minimum wait at the largest preferred size that is there', async () => {
    const { timers, batches, submit } = openBatcherStage({ minimumWaitMs: 5, batchRowsMax: 8, queueRowsMax: 16, preferredRows: [2, 4] });
    const answers = [submit(0, 1)];
    await timers.runUntil(1);
    answers.push(submit(0, 4));
    await timers.runUntil(60);
    await Promise.all(answers);
    // Four of five at once; the last one has waited long enough when the session is idle again.
    expect(batches).toEqual([
      { at: 1, rows: 4 },
      { at: 11, rows: 1 },
    ]);
  });

  it('drops queued rows of a caller that went away, and runs none of one that was gone before', async () => {
    const { timers, batches, batcher } = openBatcherStage();
    const write = (): void => undefined;
    const running = batcher.submit(1, write, 1_000);
    await timers.runUntil(1);
    const departure = new Departure();
    const queued = expect(batcher.submit(3, write, 1_000, { departure })).rejects.toMatchObject({ code: 'SERVING_CANCELLED' });
    expect(batcher.queuedRows).toBe(3);
    departure.leave();
    await queued;
    expect(batcher.queuedRows).toBe(0);
    await expect(batcher.submit(1, write, 1_000, { departure })).rejects.toMatchObject({ code: 'SERVING_CANCELLED' });
    await timers.runUntil(50);
    await running;
    expect(batches).toHaveLength(1);
  });

  it('leaves no place in a batch to what could not make it even in the fastest of the last batches', async () => {
    const { timers, batches, submit } = openBatcherStage({ batchRowsMax: 2 });
    await Promise.all([submit(0), timers.runUntil(20)]);
    const first = submit(0);
    await timers.runUntil(21);
    // 20 ms are needed, and the queue alone does not tell: the batch that runs has an unknown rest.
    const late = expect(submit(1, 1, 39)).rejects.toMatchObject({ code: 'SERVING_DEADLINE_EXCEEDED', message: expect.stringContaining('left the queue') as string });
    const good = [submit(2), submit(3)];
    await timers.runUntil(100);
    await Promise.all([first, late, ...good]);
    expect(batches.map(({ rows }) => rows)).toEqual([1, 1, 2]);
  });

  it('gives what looks too late its chance where nothing else waits', async () => {
    let tookMs = 10;
    const timers = new VirtualTimers();
    const { submit } = openBatcherStage({ timers, run: (features) => timers.sleep(tookMs).then(() => features.slice()) });
    await Promise.all([submit(0), timers.runUntil(20)]);
    tookMs = 1;
    const first = submit(0);
    await timers.runUntil(20.5);
    const late = submit(7, 1, 1_000);
    await timers.runUntil(50);
    await first;
    expect([...(await late).scores]).toEqual([7]);
    const alone = submit(8, 1, timers.now() + 0.9);
    const failed = expect(alone).rejects.toMatchObject({ message: expect.stringContaining('by its deadline') as string });
    await timers.runUntil(100);
    await failed;
  });

  it('refuses rows that no queue would hold as the caller\'s fault', async () => {
    const { submit } = openBatcherStage();
    await expect(submit(0, 9)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
  });
});

describe('a full queue', () => {
  const write = (): void => undefined;
  it.each([
    ['low', 'high', 1],
    ['high', 'low', 1],
    ['high', 'normal', 5],
  ] as const)('of %s rows makes room for %s ones within their share, by the newest', async (present, coming, rows) => {
    const { timers, batcher } = openBatcherStage({ queueRowsMax: 42, batchRowsMax: 42 });
    const running = batcher.submit(1, write, 1_000);
    await timers.runUntil(1);
    const oldest = batcher.submit(20, write, 1_000, { priority: present });
    const newest = expect(batcher.submit(22, write, 1_000, { priority: present })).rejects.toMatchObject({
      code: 'SERVING_OVERLOADED',
      message: expect.stringContaining(`gave its place to one of priority '${coming}'`) as string,
      details: { retryAfterSeconds: 1 },
    });
    const admitted = batcher.submit(rows, write, 1_000, { priority: coming });
    await newest;
    await timers.runUntil(100);
    await Promise.all([running, oldest, admitted]);
  });

  it('refuses a level that has its share already', async () => {
    const { timers, batcher } = openBatcherStage({ queueRowsMax: 42, batchRowsMax: 42 });
    const answers = [batcher.submit(1, write, 1_000)];
    await timers.runUntil(1);
    answers.push(batcher.submit(40, write, 1_000, { priority: 'high' }), batcher.submit(2, write, 1_000, { priority: 'low' }));
    await expect(batcher.submit(1, write, 1_000, { priority: 'low' })).rejects.toMatchObject({ code: 'SERVING_OVERLOADED' });
    await timers.runUntil(100);
    await Promise.all(answers);
  });
});

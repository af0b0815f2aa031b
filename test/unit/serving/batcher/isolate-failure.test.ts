import { describe, expect, it } from 'vitest';
import { MillraceError } from '../../../../src/core/millrace-error.ts';
import { openBatcherStage } from '../../../support/serving/batcher-stage.ts';

const ROWS = 512;
const RUN_MS = 2;

/** A batcher whose run fails on rows that say so. */
function setUp() {
  const { timers, batches: runs, batcher } = openBatcherStage({ batchRowsMax: ROWS, queueRowsMax: 2 * ROWS }, RUN_MS, (scores) => {
    if (scores.some((score) => score < 0)) throw new MillraceError('SERVING_SESSION_FAILED', 'no');
  });
  const submit = (value: number, deadline = 10_000): Promise<number | string> =>
    batcher.submit(1, (_row, out, at) => (out[at] = value), deadline).then(({ scores }) => scores[0] as number, ({ code }: MillraceError) => code);
  return { timers, runs, submit };
}

describe('a batch whose run fails', () => {
  it('answers all but the few requests that it fails on', async () => {
    const { timers, submit } = setUp();
    const bad = [0, 200, 201, 511];
    const answers = Array.from({ length: ROWS }, (_, i) => submit(bad.includes(i) ? -1 : i));
    await timers.runUntil(1_000);
    expect(await Promise.all(answers)).toEqual(Array.from({ length: ROWS }, (_, i) => (bad.includes(i) ? 'SERVING_SESSION_FAILED' : i)));
  });

  it('fails the rest together after so many runs', async () => {
    const { timers, runs, submit } = setUp();
    const answers = Array.from({ length: ROWS }, () => submit(-1));
    await timers.runUntil(10_000);
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['SERVING_SESSION_FAILED']));
    expect(runs).toHaveLength(1 + 2 * 4 * Math.log2(ROWS));
  });

  it('runs nothing for requests that nobody waits for, and is soon there for others', async () => {
    const { timers, runs, submit } = setUp();
    const deadline = 10 * RUN_MS;
    const bad = Array.from({ length: ROWS }, () => submit(-1, deadline));
    const patient = submit(7);
    await timers.runUntil(1_000);
    expect(await patient).toBe(7);
    expect(new Set(await Promise.all(bad))).toEqual(new Set(['SERVING_DEADLINE_EXCEEDED']));
    expect(runs.filter(({ at }) => at >= deadline)).toEqual([{ at: deadline, rows: 1 }]);
  });

  it('leaves the rows of those out that stopped waiting, and gives the others their own scores', async () => {
    const { timers, runs, submit } = setUp();
    // Of 16 rows one fails; each odd one expires while the first run is under way.
    const answers = Array.from({ length: 16 }, (_, i) => submit(i === 10 ? -1 : i, i % 2 === 1 ? RUN_MS / 2 : undefined));
    await timers.runUntil(1_000);
    const even = (i: number): number | string => (i === 10 ? 'SERVING_SESSION_FAILED' : i);
    expect(await Promise.all(answers)).toEqual(Array.from({ length: 16 }, (_, i) => (i % 2 === 1 ? 'SERVING_DEADLINE_EXCEEDED' : even(i))));
    expect(runs.map(({ rows }) => rows)).toEqual([16, 4, 4, 2, 1, 1, 2]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Batcher } from '../../../serving/batcher/batcher.ts';
import type { BatchAnswer } from '../../../serving/batcher/pending-request.ts';
import type { WriteRow } from '../../../serving/batcher/write-row.ts';
import { LookSampling } from '../../../serving/cache/look-sampling.ts';
import { hashWords, RowTable } from '../../../serving/cache/row-table.ts';
import { ScoreCache, type CacheOutcome } from '../../../serving/cache/score-cache.ts';
import type { SharedScores } from '../../../serving/cache/shared-scores.ts';
import { isMillraceError, MillraceError } from '../../../src/core/millrace-error.ts';
import { xxh32 } from '../../support/serving/xxh32.ts';
import { VirtualTimers } from '../../support/serving/virtual-timers.ts';

const COLUMNS = 2;
/** Few rows, so that they come again; all but the bits of some are equal. */
const ROWS = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => [[0, 1], [-0, 1], [NaN, 1], [1, 0], [1, NaN], [2, 2], [3, 2], [Infinity, 2]][i]!);

describe('the table of rows', () => {
  const step = fc.record({ act: fc.constantFrom('ask', 'hold', 'let go', 'remove'), row: fc.nat({ max: ROWS.length - 1 }) });

  it('has what a map has, held rows always, and never more than its slots', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), fc.integer({ min: 1, max: 6 }), (steps, rowsMax) => {
        const table = new RowTable(COLUMNS, rowsMax);
        const words = new Int32Array(Float32Array.from(ROWS.flat()).buffer);
        const slots = new Map<number, number>();
        const held = new Set<number>();
        for (const { act, row } of steps) {
          // Two hashes for all rows: they meet in their buckets all the time.
          const hash = row % 2;
          const found = table.find(words, row * COLUMNS, hash);
          if (found >= 0) expect(slots.get(row)).toBe(found);
          else expect(held.has(row)).toBe(false);
          if (act === 'ask' && found < 0) {
            const slot = table.put(words, row * COLUMNS, hash);
            expect(slot < 0).toBe(held.size === rowsMax);
            // Whatever was there before has gone.
            for (const [other, at] of slots) if (at === slot) slots.delete(other);
            if (slot >= 0) slots.set(row, slot);
          }
          if (found < 0) continue;
          if (act === 'hold') {
            held.add(row);
            table.hold(found);
          } else if (act === 'let go') {
            held.delete(row);
            table.letGo(found);
          } else if (act === 'remove') {
            held.delete(row);
            slots.delete(row);
            table.remove(found);
          }
        }
        expect(table.size).toBeLessThanOrEqual(rowsMax);
        expect([...slots.keys()].filter((row) => table.find(words, row * COLUMNS, row % 2) >= 0)).toHaveLength(table.size);
      }),
    );
  });

  it('hashes words as XXH32 hashes their bytes', () => {
    expect(xxh32(Buffer.from('Nobody inspects the spammish repetition'))).toBe(0xe2293b2f);
    expect(xxh32(Buffer.alloc(0))).toBe(0x02cc5d05);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), { maxLength: 20 }), fc.nat({ max: 3 }), (values, before) => {
        const words = Int32Array.from([...new Array<number>(before).fill(7), ...values]);
        const bytes = new Uint8Array(words.buffer, before * 4);
        expect(hashWords(words, before, values.length) >>> 0).toBe(xxh32(bytes));
      }),
    );
  });
});

const call = fc.record({
  at: fc.integer({ min: 0, max: 60 }),
  rows: fc.array(fc.nat({ max: ROWS.length - 1 }), { minLength: 1, maxLength: 6 }),
  timeoutMs: fc.integer({ min: 1, max: 60 }),
});
const world = fc.record({
  calls: fc.array(call, { minLength: 1, maxLength: 30 }),
  rowsMax: fc.integer({ min: 1, max: 10 }),
  ttlMs: fc.integer({ min: 1, max: 40 }),
  batchRowsMax: fc.integer({ min: 1, max: 6 }),
  batchMs: fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 6 }),
  /** Rows by which it decides whether to look rows up. */
  windowRows: fc.constantFrom(1, 8, 1_000),
  /** Which runs fail, by number. */
  failing: fc.array(fc.boolean(), { minLength: 1, maxLength: 10 }),
});

describe('the cache of scores', () => {
  it('gives each caller what a run of its own would have given, or one named failure, and counts every row once', async () => {
    await fc.assert(
      fc.asyncProperty(world, async ({ calls, rowsMax, ttlMs, batchRowsMax, batchMs, windowRows, failing }) => {
        const timers = new VirtualTimers();
        const words = new Int32Array(Float32Array.from(ROWS.flat()).buffer);
        const indexOf = (features: Float32Array, row: number): number => {
          const found = new Int32Array(features.slice(row * COLUMNS, (row + 1) * COLUMNS).buffer);
          return ROWS.findIndex((_, i) => words[i * COLUMNS] === found[0] && words[i * COLUMNS + 1] === found[1]);
        };
        let runs = 0;
        const batcher = new Batcher({
          label: 'm/1',
          columns: COLUMNS,
          batchRowsMax,
          queueRowsMax: 200,
          minimumWaitMs: 0,
          warmBatchMs: 1,
          timers,
          run: async (features, rows) => {
            const run = runs++;
            const scores = Float32Array.from({ length: rows }, (_, r) => indexOf(features, r));
            await timers.sleep(batchMs[run % batchMs.length]!);
            if (failing[run % failing.length] === true) throw new MillraceError('SERVING_SESSION_FAILED', 'no');
            return scores;
          },
        });
        const counted: Partial<Record<CacheOutcome, number>> = {};
        const onRows = (outcome: CacheOutcome, rows: number): void => {
          counted[outcome] = (counted[outcome] ?? 0) + rows;
        };
        const cache = new ScoreCache({ columns: COLUMNS, rowsMax, ttlMs, shared: null, sampling: new LookSampling(windowRows), timers, onRows });
        const outcomes = calls.map(async ({ at, rows, timeoutMs }) => {
          await timers.sleep(at);
          const deadline = timers.now() + timeoutMs;
          const features = Float32Array.from(rows.flatMap((row) => ROWS[row]!));
          try {
            const { scores } = await cache.score(features, (count, write) => batcher.submit(count, write, deadline), deadline);
            expect([...scores]).toEqual(rows);
            expect(timers.now()).toBeLessThanOrEqual(deadline);
          } catch (error) {
            if (!isMillraceError(error)) throw error;
            expect(['SERVING_SESSION_FAILED', 'SERVING_DEADLINE_EXCEEDED']).toContain(error.code);
          }
          expect(cache.size).toBeLessThanOrEqual(rowsMax);
        });
        await timers.runUntil(1_000);
        await Promise.all(outcomes);
        expect(Object.values(counted).reduce((sum, rows) => sum + rows, 0)).toBe(calls.flatMap(({ rows }) => rows).length);
      }),
    );
  });

  const alone = (over: Partial<ConstructorParameters<typeof ScoreCache>[0]> = {}) => {
    const timers = new VirtualTimers();
    const seen: string[] = [];
    const cache = new ScoreCache({
      columns: 1,
      rowsMax: 4,
      ttlMs: 100,
      shared: null,
      sampling: new LookSampling(1_000),
      timers,
      onRows: (outcome, rows) => seen.push(`${outcome} ${rows}`),
      ...over,
    });
    return { timers, seen, cache };
  };
  const running = (scores: readonly number[]) => (rows: number) =>
    Promise.resolve({ scores: Float32Array.from(scores.slice(0, rows)), queueMs: 0, computeMs: 1 });

  it('runs a row once while it is wanted by many, and again when its time is over', async () => {
    const { timers, seen, cache } = alone();
    const row = Float32Array.of(7);
    const both = [cache.score(row, running([0.5]), 1_000), cache.score(row, running([0.9]), 1_000)];
    expect((await Promise.all(both)).map(({ scores }) => scores[0])).toEqual([0.5, 0.5]);
    expect((await cache.score(row, running([0.9]), 1_000)).scores[0]).toBe(0.5);
    await timers.runUntil(101);
    expect((await cache.score(row, running([0.25]), 1_000)).scores[0]).toBe(0.25);
    expect(seen).toEqual(['run 1', 'joined 1', 'memory 1', 'run 1']);
  });

  it('keeps no score that is no number', async () => {
    const { seen, cache } = alone();
    expect((await cache.score(Float32Array.of(1), running([NaN]), 1_000)).scores[0]).toBeNaN();
    await cache.score(Float32Array.of(1), running([0.5]), 1_000);
    expect(seen).toEqual(['run 1', 'run 1']);
  });

  it('a request whose partner gave up runs its row itself', async () => {
    const { cache } = alone();
    const row = Float32Array.of(1);
    const lost = cache.score(row, () => Promise.reject(new MillraceError('SERVING_DEADLINE_EXCEEDED', 'late')), 1);
    const kept = cache.score(row, running([0.75]), 1_000);
    await expect(lost).rejects.toMatchObject({ code: 'SERVING_DEADLINE_EXCEEDED' });
    expect((await kept).scores[0]).toBe(0.75);
  });

  it('rows that find no slot are run without one', async () => {
    const { timers, seen, cache } = alone({ rowsMax: 1 });
    let land: (answer: { scores: Float32Array; queueMs: number; computeMs: number }) => void = () => undefined;
    const slow = cache.score(Float32Array.of(1), () => new Promise((resolve) => (land = resolve)), 1_000);
    expect((await cache.score(Float32Array.of(2), running([0.5]), 1_000)).scores[0]).toBe(0.5);
    land({ scores: Float32Array.of(0.25), queueMs: 0, computeMs: 0 });
    expect((await slow).scores[0]).toBe(0.25);
    expect([seen, cache.size, timers.now()]).toEqual([['run 1', 'run 1'], 1, 0]);
  });

  it('is idle once all that it was asked for is answered, or has failed', async () => {
    const { cache } = alone();
    await cache.idle();
    let end: (error: Error) => void = () => undefined;
    const failing = cache.score(Float32Array.of(1), () => new Promise((_, reject) => (end = reject)), 1_000);
    const answered = cache.score(Float32Array.of(2), running([0.5]), 1_000);
    let isIdle = false;
    const idle = cache.idle().then(() => (isIdle = true));
    await answered;
    expect(isIdle).toBe(false);
    end(new Error('no'));
    await expect(failing).rejects.toThrow('no');
    await idle;
    expect(isIdle).toBe(true);
  });

  /** A cache that has found nothing in its first 1,000 rows. */
  const sparse = async (over: Partial<ConstructorParameters<typeof ScoreCache>[0]> = {}) => {
    const made = alone({ rowsMax: 1_000, ...over });
    for (let i = 0; i < 1_000; i++) await made.cache.score(Float32Array.of(i), running([0.5]), 1_000);
    made.seen.length = 0;
    return made;
  };

  it('runs most rows without a look while next to nothing is found, also those of one request, and counts all', async () => {
    const { seen, cache } = await sparse();
    const rows = Float32Array.from({ length: 500 }, (_, i) => 5_000 + i);
    const scores = Array.from(rows, (_, i) => i);
    expect([...(await cache.score(rows, (count, write) => answerByRow(count, write, (row) => row - 5_000), 1_000)).scores]).toEqual(scores);
    const counted = Object.fromEntries(seen.map((line) => [line.split(' ')[0], Number(line.split(' ')[1])]));
    expect(counted.run! + counted.skipped!).toBe(500);
    expect(counted.run).toBeGreaterThan(500 / 32);
    expect(counted.run).toBeLessThan(500 / 8);
  });

  it('asks other processes for the rows that it looks up only, and what they have counts as found', async () => {
    let knows = false;
    let asked = 0;
    const read = (_: Float32Array, rows: readonly number[], scores: Float32Array): Promise<readonly number[]> => {
      asked += rows.length;
      if (!knows) return Promise.resolve(rows);
      for (const row of rows) scores[row] = 0.25;
      return Promise.resolve([]);
    };
    const { seen, cache } = await sparse({ shared: { read, write: () => undefined } as unknown as SharedScores });
    [knows, asked] = [true, 0];
    const rows = Float32Array.from({ length: 20 }, (_, i) => 5_000 + i);
    const { scores } = await cache.score(rows, (count, write) => answerByRow(count, write, () => 0.75), 1_000);
    expect(scores.filter((score) => score === 0.25)).toHaveLength(asked);
    expect(scores.filter((score) => score === 0.75)).toHaveLength(20 - asked);
    for (let i = 0; i < 100; i++) await cache.score(Float32Array.of(6_000 + i), running([0.5]), 1_000);
    expect(seen.at(-1)).toBe('shared 1');
    expect(asked).toBeGreaterThan(20);
  });

  it('looks every row up again once those that it does come again', async () => {
    const { seen, cache } = await sparse();
    for (let i = 0; i < 1_000; i++) await cache.score(Float32Array.of(i % 10), running([0.5]), 1_000);
    seen.length = 0;
    await cache.score(Float32Array.from({ length: 10 }, (_, i) => i), running(new Array<number>(10).fill(0.5)), 1_000);
    expect(seen).toEqual(['memory 10']);
  });
});

/** What a model would answer that knows a row by its one number. */
function answerByRow(count: number, write: WriteRow, scoreOf: (value: number) => number): Promise<BatchAnswer> {
  const features = new Float32Array(count);
  for (let i = 0; i < count; i++) write(i, features, i);
  return Promise.resolve({ scores: features.map(scoreOf), queueMs: 0, computeMs: 1 });
}

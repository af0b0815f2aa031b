import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Batcher } from '../../../serving/batcher/batcher.ts';
import { Departure } from '../../../serving/batcher/departure.ts';
import { priorities } from '../../../serving/batcher/priority.ts';
import { MillraceError } from '../../../src/core/millrace-error.ts';
import { VirtualTimers } from '../../support/serving/virtual-timers.ts';

const COLUMNS = 3;

const call = fc.record({
  at: fc.integer({ min: 0, max: 60 }),
  rows: fc.integer({ min: 1, max: 9 }),
  timeoutMs: fc.integer({ min: 1, max: 80 }),
  priority: fc.constantFrom(...priorities),
  /** When the caller goes away, after its call; null where it stays. */
  leavesAfterMs: fc.option(fc.integer({ min: 0, max: 30 }), { freq: 4 }),
});
const world = fc.record({
  calls: fc.array(call, { minLength: 1, maxLength: 40 }),
  batchRowsMax: fc.integer({ min: 1, max: 6 }),
  queueRowsMax: fc.integer({ min: 1, max: 30 }),
  minimumWaitMs: fc.constantFrom(0, 3),
  preferredRows: fc.constantFrom([], [2], [1, 3]),
  instances: fc.integer({ min: 1, max: 3 }),
  batchMs: fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 10 }),
  /** Which runs lose their session, by number. */
  lost: fc.array(fc.boolean(), { minLength: 1, maxLength: 10 }),
  /** Callers whose rows a run fails on. */
  failing: fc.uniqueArray(fc.integer({ min: 0, max: 39 }), { maxLength: 4 }),
});

it('gives each caller its own rows, in order, or one named failure by its deadline', async () => {
  await fc.assert(
    fc.asyncProperty(world, async ({ calls, batchMs, lost, failing, ...settings }) => {
      const timers = new VirtualTimers();
      let runs = 0;
      let running = 0;
      const batcher = new Batcher({
        label: 'm/1',
        columns: COLUMNS,
        warmBatchMs: 1,
        timers,
        ...settings,
        run: async (features, rows) => {
          const run = runs++;
          expect(++running).toBeLessThanOrEqual(settings.instances);
          expect(rows).toBeLessThanOrEqual(settings.batchRowsMax);
          expect(features.length).toBe(rows * COLUMNS);
          const copy = features.slice();
          await timers.sleep(batchMs[run % batchMs.length] as number);
          running--;
          expect(features.slice()).toEqual(copy);
          if (lost[run % lost.length] === true) throw new MillraceError('SERVING_SESSION_LOST', 'gone');
          if (failing.some((caller) => copy.some((value) => Math.floor(value / 100) === caller))) throw new MillraceError('SERVING_SESSION_FAILED', 'no');
          // The row says who it is: caller * 100 + row in each column.
          return Float32Array.from({ length: rows }, (_, r) => copy[r * COLUMNS] as number);
        },
      });
      const outcomes = calls.map(async ({ at, rows, timeoutMs, priority, leavesAfterMs }, caller) => {
        await timers.sleep(at);
        const departure = new Departure();
        if (leavesAfterMs !== null) timers.after(leavesAfterMs, () => departure.leave());
        const write = (row: number, out: Float32Array, to: number): void => {
          out.fill(caller * 100 + row, to, to + COLUMNS);
        };
        try {
          const { scores } = await batcher.submit(rows, write, at + timeoutMs, { priority, departure });
          expect([...scores]).toEqual(Array.from({ length: rows }, (_, r) => caller * 100 + r));
        } catch (error) {
          expect(error).toBeInstanceOf(MillraceError);
          const codes = ['SERVING_DEADLINE_EXCEEDED', 'SERVING_OVERLOADED', 'SERVING_SESSION_LOST'];
          if (failing.includes(caller)) codes.push('SERVING_SESSION_FAILED');
          if (departure.gone) codes.push('SERVING_CANCELLED');
          if (rows > settings.queueRowsMax) codes.push('REQUEST_INVALID');
          expect(codes).toContain((error as MillraceError).code);
        }
        expect(timers.now()).toBeLessThanOrEqual(at + timeoutMs);
      });
      await timers.runUntil(10_000);
      await Promise.all(outcomes);
      await batcher.idle();
      expect(batcher.queuedRows).toBe(0);
    }),
    { numRuns: 150 },
  );
});

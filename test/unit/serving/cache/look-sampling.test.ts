import { expect, test } from 'vitest';
import { hashWords } from '../../../../serving/cache/row-table.ts';
import { LookSampling } from '../../../../serving/cache/look-sampling.ts';

const WINDOW = 1_600;
const hashOf = (row: number): number => hashWords(Int32Array.of(row), 0, 1);

/** Rows as they come, before a cache without bounds. @returns rows that were looked up */
function look(sampling: LookSampling, rows: Iterable<number>, known = new Set<number>()): number[] {
  const looked: number[] = [];
  for (const row of rows) {
    const takes = sampling.takes(hashOf(row));
    if (takes) looked.push(row);
    sampling.count(1, takes && known.has(row) ? 1 : 0);
    if (takes) known.add(row);
  }
  return looked;
}
const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);

test('all rows are looked up until a window has shown that next to none come again; one class of sixteen then', () => {
  const sampling = new LookSampling(WINDOW);
  expect(look(sampling, range(0, WINDOW))).toHaveLength(WINDOW);
  expect(sampling.isSparse).toBe(true);
  const looked = look(sampling, range(WINDOW, WINDOW)).length;
  expect(looked).toBeGreaterThan(WINDOW / 32);
  expect(looked).toBeLessThan(WINDOW / 8);
});

test('every row is of the class of some window', () => {
  const sampling = new LookSampling(WINDOW);
  look(sampling, range(0, WINDOW));
  const seen = new Set<number>();
  // Nothing is known of what comes again: the sampling stays.
  for (let window = 0; window < 16; window++) for (const row of look(sampling, range(0, WINDOW))) seen.add(row);
  expect(seen.size).toBe(WINDOW);
});

test('one row in fifty that comes again is reason enough to go on looking', () => {
  const sampling = new LookSampling(WINDOW);
  for (let i = 0; i < 3 * WINDOW; i++) sampling.count(1, i % 50 === 0 ? 1 : 0);
  expect(sampling.isSparse).toBe(false);
});

test('once sampled rows come again all are looked up, before the window is over', () => {
  const sampling = new LookSampling(WINDOW);
  look(sampling, range(0, WINDOW));
  const known = new Set<number>();
  let rows = 0;
  while (sampling.isSparse && rows < WINDOW) look(sampling, [rows++ % 400], known);
  expect(sampling.isSparse).toBe(false);
  expect(rows).toBeGreaterThan(400);
});

test('a few that come again by chance don\'t end it', () => {
  const sampling = new LookSampling(WINDOW);
  look(sampling, range(0, WINDOW));
  for (let i = 0; i < 20 * WINDOW; i++) sampling.count(1, i % 2_000 === 0 ? 1 : 0);
  expect(sampling.isSparse).toBe(true);
});

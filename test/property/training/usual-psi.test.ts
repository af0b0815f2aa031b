import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SCORE_COLUMN } from '../../../src/contracts/model-bundle.ts';
import type { TrainingSet } from '../../../src/contracts/training-set.ts';
import { profileTraining } from '../../../src/training/reference-profile.ts';
import { USUAL_ROWS_MIN } from '../../../src/training/usual-psi.ts';

const WEEK_MS = 7 * 86_400_000;
const PER_WEEK = USUAL_ROWS_MIN;

/** Weeks of rows whose one number and one category take the given value throughout a week. */
function weeks(values: readonly number[], perWeek = PER_WEEK): TrainingSet {
  const rows = values.length * perWeek;
  const weekOf = (row: number): number => Math.floor(row / perWeek);
  const decisionTimes = Float64Array.from({ length: rows }, (_, row) => row * (WEEK_MS / perWeek));
  return {
    model: 'm',
    serviceDigest: 'd',
    numericNames: ['level'],
    rows,
    numbers: Float32Array.from({ length: rows }, (_, row) => values[weekOf(row)] as number),
    categories: [
      { name: 'place', dictionary: values.map(String), codes: Int32Array.from({ length: rows }, (_, row) => weekOf(row)) },
    ],
    labels: new Float32Array(rows),
    decisionTimes,
    labelKnownTimes: decisionTimes,
    exampleIds: [],
  };
}

const profile = (set: TrainingSet, scores = new Float32Array(set.rows).fill(0.5)) =>
  profileTraining(set, Uint32Array.from({ length: set.rows }, (_, row) => row), scores, WEEK_MS);

/** PSI of one week's shares against those of all weeks, from the definition. */
function naivePsi(values: readonly number[], week: number): number {
  const floor = 1e-4;
  const share = (value: number, of: readonly number[]) => of.filter((v) => v === value).length / of.length;
  // Bins that hold one value each; the nulls' bin and the rest's are empty on both sides.
  return [...new Set(values)].reduce((sum, value) => {
    const p = Math.max(share(value, values), floor);
    const q = Math.max(share(value, [values[week] as number]), floor);
    return sum + (q - p) * Math.log(q / p);
  }, 0);
}

describe('the PSI that windows of the training reached', () => {
  it('is the greatest over the whole windows, by the definition', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 4, maxLength: 9 }), (values) => {
        const { usualPsi } = profile(weeks(values));
        const inner = values.slice(1, -1).map((_, i) => naivePsi(values, i + 1));
        expect(usualPsi['level']).toBeCloseTo(Math.max(...inner), 9);
      }),
    );
  });

  it('is near zero where every week is like the others', () => {
    const set = weeks([1, 1, 1, 1, 1]);
    const scores = Float32Array.from({ length: set.rows }, (_, row) => (row % 10) / 10);
    const { usualPsi } = profile(set, scores);
    expect(usualPsi['level']).toBeCloseTo(0, 9);
    expect(usualPsi[SCORE_COLUMN]).toBeLessThan(0.01);
    // Each week has a place of its own.
    expect(usualPsi['place']).toBeGreaterThan(1);
  });

  it('leaves out the windows that the rows cut short, and those with few rows', () => {
    expect(profile(weeks([1, 2])).usualPsi['level']).toBe(0);
    expect(profile(weeks([1, 2, 3, 4], USUAL_ROWS_MIN - 1)).usualPsi['level']).toBe(0);
  });
});

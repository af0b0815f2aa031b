import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chiSquared } from '../../../src/statistics/chi-squared.ts';
import { profilePsi } from '../../../src/statistics/divergence.ts';
import {
  PROFILE_VALUES_MAX,
  profileCategories,
  profileCategoriesLike,
  profileNumbers,
  profileNumbersLike,
} from '../../../src/statistics/profile-column.ts';
import { binOf, quantileEdges } from '../../../src/statistics/quantile-edges.ts';
import { upperGamma } from '../../../src/statistics/upper-gamma.ts';

const numbers = fc.array(
  fc.oneof(fc.double({ min: -50, max: 50, noNaN: true }), fc.constant(NaN), fc.constantFrom(0, 1, 2)),
  { maxLength: 200 },
);
const words = fc.array(fc.option(fc.constantFrom('a', 'b', 'c', 'd', '')), { maxLength: 100 });
const column = (values: readonly number[]) => ({
  numbers: values,
  rows: values.length,
  columns: 1,
  column: 0,
});
const sum = (of: readonly number[]) => of.reduce((total, value) => total + value, 0);

describe('quantileEdges', () => {
  it('ascend strictly, and each value lies in the bin that its edges say', () => {
    fc.assert(
      fc.property(numbers, fc.integer({ min: 1, max: 12 }), (values, bins) => {
        const edges = quantileEdges(values, bins);
        expect(edges.length).toBeLessThan(Math.max(1, bins));
        edges.slice(1).forEach((edge, i) => {
          expect(edge).toBeGreaterThan(edges[i] as number);
        });
        for (const value of values.filter((v) => !Number.isNaN(v))) {
          const linear = edges.findIndex((edge) => value <= edge);
          expect(binOf(edges, value)).toBe(linear === -1 ? edges.length : linear);
        }
      }),
    );
  });

  it('cut distinct values into equal bins', () => {
    expect(
      quantileEdges(
        Array.from({ length: 100 }, (_, i) => i),
        4,
      ),
    ).toEqual([24, 49, 74]);
  });
});

describe('profiles', () => {
  it('account for every row and do not differ from themselves', () => {
    fc.assert(
      fc.property(numbers, words, (values, categories) => {
        const number = profileNumbers('n', column(values));
        const category = profileCategories('c', categories);
        for (const profile of [number, category]) {
          expect(sum(profile.counts) + profile.nulls).toBe(profile.rows);
          expect(profilePsi(profile, profile)).toBe(0);
        }
        expect(profileNumbersLike(number, column(values))).toEqual(number);
        expect(profileCategoriesLike(category, categories)).toEqual(category);
      }),
    );
  });

  const repeated = (...parts: readonly (readonly [count: number, value: number])[]): number[] => parts.flatMap(([count, value]) => new Array<number>(count).fill(value));
  const spread = Array.from({ length: 80 }, (_, i) => 10 + i);
  it.each<[what: string, before: readonly number[], after: readonly number[]]>([
    ['a flag that is mostly set, and is set no more', repeated([95, 1], [5, 0]), repeated([100, 0])],
    ['a flag that is mostly not set, and is now', repeated([5, 1], [95, 0]), repeated([100, 1])],
    ['a constant that falls', repeated([100, 5]), repeated([100, 0])],
    ['a constant that falls by the least step', repeated([100, 5]), repeated([100, Math.fround(5 - 4e-7)])],
    ['a constant that falls, where most rows have none', repeated([960, NaN], [40, 5]), repeated([960, NaN], [40, 0])],
    ['a constant that rises', repeated([100, -5]), repeated([100, 0])],
    ['zeros that become negative', repeated([100, 0]), repeated([100, -1e-40])],
    ['negatives that fall', repeated([100, -5]), repeated([100, Math.fround(-5 - 5e-7)])],
    ['a common least value that falls', [...repeated([20, 10]), ...spread], [...repeated([20, -500]), ...spread]],
  ])('%s is drift', (_what, before, after) => {
    const profile = profileNumbers('n', column(before));
    expect(profilePsi(profile, profileNumbersLike(profile, column(after)))).toBeGreaterThan(0.25);
    expect(profilePsi(profile, profileNumbersLike(profile, column(before)))).toBe(0);
  });

  it('are cut as their quantiles say where no value is common', () => {
    const values = Array.from({ length: 100 }, (_, i) => i);
    expect(profileNumbers('n', column(values)).edges).toEqual(quantileEdges(values, 10));
  });

  it('put values that the reference has not into the last bin', () => {
    const reference = profileCategories('c', ['a', 'a', 'b', null]);
    expect(profileCategoriesLike(reference, ['b', 'new', 'new', null])).toMatchObject({
      values: ['a', 'b'],
      counts: [0, 1, 2],
      nulls: 1,
    });
    const many = profileCategories(
      'c',
      Array.from({ length: 200 }, (_, i) => `v${i}`),
    );
    expect(many.values.length).toBe(PROFILE_VALUES_MAX);
  });
});

describe('chiSquared', () => {
  it('is n times the squared distance from independence', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat({ max: 50 }), fc.nat({ max: 50 })), { minLength: 1, maxLength: 8 }),
        (cells) => {
          const a = cells.map(([x]) => x);
          const b = cells.map(([, y]) => y);
          const used = cells.filter(([x, y]) => x + y > 0);
          fc.pre(sum(a) > 0 && sum(b) > 0 && used.length > 1);
          const n = sum(a) + sum(b);
          // n (sum of o^2 / (row total x column total) - 1), another form of the same statistic.
          const ratio = sum(
            used.map(([x, y]) => (x * x) / (sum(a) * (x + y)) + (y * y) / (sum(b) * (x + y))),
          );
          const found = chiSquared(a, b);
          expect(found.statistic).toBeCloseTo(n * (ratio - 1), 6);
          expect(found.degreesOfFreedom).toBe(used.length - 1);
          expect(chiSquared(a, a).statistic).toBeCloseTo(0, 9);
        },
      ),
    );
  });

  it.each([
    [3.841458820694124, 1, 0.05],
    [5.991464547107979, 2, 0.05],
    [23.20925115895436, 10, 0.01],
    [124.34211340400407, 100, 0.05],
  ])(
    'exceeds %d with %i degrees of freedom with the tabled probability',
    (statistic, degreesOfFreedom, probability) => {
      expect(upperGamma(degreesOfFreedom / 2, statistic / 2)).toBeCloseTo(probability, 10);
    },
  );
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jensenShannon, psi, PSI_SHARE_FLOOR } from '../../../src/statistics/divergence.ts';
import { kolmogorovSmirnov, wasserstein } from '../../../src/statistics/sample-distance.ts';

const counts = fc
  .array(fc.tuple(fc.nat({ max: 1_000 }), fc.nat({ max: 1_000 })), { minLength: 1, maxLength: 15 })
  .map((pairs) => ({
    a: pairs.map(([a]) => a),
    b: pairs.map(([, b]) => b),
  }));
const values = fc.array(
  fc.oneof(fc.integer({ min: -5, max: 5 }), fc.double({ min: -100, max: 100, noNaN: true })),
  { maxLength: 40 },
);
const sum = (of: readonly number[]) => of.reduce((total, value) => total + value, 0);
const shareBelow = (of: readonly number[], x: number) => of.filter((value) => value <= x).length / of.length;

describe('psi', () => {
  it('is zero for a thing with itself, even where it has grown', () => {
    fc.assert(
      fc.property(counts, fc.integer({ min: 1, max: 9 }), ({ a }, times) => {
        expect(psi(a, a)).toBe(0);
        expect(
          psi(
            a,
            a.map((count) => count * times),
          ),
        ).toBeCloseTo(0, 9);
      }),
    );
  });

  it('is symmetric, never negative and the sum of its definition', () => {
    fc.assert(
      fc.property(counts, ({ a, b }) => {
        fc.pre(sum(a) > 0 && sum(b) > 0);
        const share = (of: readonly number[], i: number) =>
          Math.max((of[i] as number) / sum(of), PSI_SHARE_FLOOR);
        const expected = sum(
          a.map((_, i) => (share(b, i) - share(a, i)) * Math.log(share(b, i) / share(a, i))),
        );
        expect(psi(a, b)).toBeCloseTo(expected, 10);
        expect(psi(b, a)).toBeCloseTo(psi(a, b), 10);
        expect(psi(a, b)).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  it('stays finite where a bin empties', () => {
    expect(psi([50, 50], [100, 0])).toBeLessThan(5);
  });
});

describe('jensenShannon', () => {
  it('is a distance between 0 and 1, 0 only for equal shares', () => {
    fc.assert(
      fc.property(counts, ({ a, b }) => {
        expect(jensenShannon(a, a)).toBeCloseTo(0, 7);
        expect(jensenShannon(a, b)).toBeCloseTo(jensenShannon(b, a), 10);
        expect(jensenShannon(a, b)).toBeLessThanOrEqual(1);
      }),
    );
    expect(jensenShannon([1, 0], [0, 1])).toBe(1);
  });
});

describe('kolmogorovSmirnov', () => {
  it('is the largest gap of the two distribution functions', () => {
    fc.assert(
      fc.property(values, values, (a, b) => {
        fc.pre(a.length > 0 && b.length > 0);
        const expected = Math.max(...[...a, ...b].map((x) => Math.abs(shareBelow(a, x) - shareBelow(b, x))));
        expect(kolmogorovSmirnov(a, b).statistic).toBeCloseTo(expected, 12);
        expect(kolmogorovSmirnov(a, a)).toEqual({ statistic: 0, pValue: 1 });
      }),
    );
  });

  it('has the p-value of the limit distribution', () => {
    // Two samples of 100, shifted by a tenth and by half: SciPy 1's ks_2samp answers 0.54 and 1.4e-12, without the correction.
    const shifted = (by: number) => Array.from({ length: 100 }, (_, i) => i / 100 + by);
    expect(kolmogorovSmirnov(shifted(0), shifted(0.1)).pValue).toBeGreaterThan(0.5);
    expect(kolmogorovSmirnov(shifted(0), shifted(0.5)).pValue).toBeLessThan(1e-9);
  });
});

describe('wasserstein', () => {
  it('is the mean distance of sorted values for samples of equal size', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(fc.double({ min: -9, max: 9, noNaN: true }), fc.double({ min: -9, max: 9, noNaN: true })),
          { minLength: 1 },
        ),
        (pairs) => {
          const a = pairs.map(([x]) => x).sort((x, y) => x - y);
          const b = pairs.map(([, y]) => y).sort((x, y) => x - y);
          const expected = sum(a.map((x, i) => Math.abs(x - (b[i] as number)))) / a.length;
          expect(wasserstein(a, b)).toBeCloseTo(expected, 9);
        },
      ),
    );
  });

  it('is the shift of a shifted sample, and leaves null out', () => {
    expect(wasserstein([1, 2, 3, NaN], [4, 5, 6])).toBeCloseTo(3, 12);
    expect(wasserstein([], [1])).toBe(0);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { holmAdjusted } from '../../../src/statistics/holm.ts';
import { twoSidedP, twoSidedQuantile } from '../../../src/statistics/normal.ts';
import { ratioDifference, ratioEstimate, type RatioMoments } from '../../../src/statistics/ratio-difference.ts';
import { sampleRatio } from '../../../src/statistics/sample-ratio.ts';

interface Entity {
  readonly count: number;
  readonly sum: number;
}
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
function covariance(a: readonly number[], b: readonly number[]): number {
  const [meanA, meanB] = [mean(a), mean(b)];
  return a.reduce((sum, value, i) => sum + (value - meanA) * ((b[i] as number) - meanB), 0) / (a.length - 1);
}

function momentsOf(entities: readonly Entity[]): RatioMoments {
  const counts = entities.map(({ count }) => count);
  const sums = entities.map(({ sum }) => sum);
  return {
    entities: entities.length,
    meanCount: mean(counts),
    meanSum: mean(sums),
    varianceCount: covariance(counts, counts),
    varianceSum: covariance(sums, sums),
    covariance: covariance(sums, counts),
  };
}

const entities = fc.array(fc.record({ count: fc.integer({ min: 1, max: 50 }), sum: fc.double({ min: 0, max: 50, noNaN: true }) }), { minLength: 2, maxLength: 60 });

describe('a mean over answers by entity', () => {
  it('has the standard error of its linearised residuals', () => {
    fc.assert(
      fc.property(entities, (drawn) => {
        const counts = drawn.reduce((sum, { count }) => sum + count, 0);
        const value = drawn.reduce((sum, one) => sum + one.sum, 0) / counts;
        const squares = drawn.reduce((sum, one) => sum + (one.sum - value * one.count) ** 2, 0);
        const expected = Math.sqrt((squares * drawn.length) / (drawn.length - 1)) / counts;
        const found = ratioEstimate(momentsOf(drawn));
        expect(found.value).toBeCloseTo(value, 9);
        // Where all agree, rounding is all that is left.
        expect(found.standardError).toBeCloseTo(expected, 5);
      }),
    );
  });

  it('is that of a plain mean where each entity was answered once', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 2, maxLength: 60 }), (values) => {
        const found = ratioEstimate(momentsOf(values.map((sum) => ({ count: 1, sum }))));
        expect(found.standardError).toBeCloseTo(Math.sqrt(covariance(values, values) / values.length), 7);
      }),
    );
  });
});

describe('the normal distribution', () => {
  it('has the tails of the tables, and the quantiles that lead to them', () => {
    for (const [z, p] of [[0, 1], [1, 0.31731050786291415], [1.959963984540054, 0.05], [3.290526731491926, 0.001], [-2, 0.04550026389635842]] as const) {
      expect(twoSidedP(z)).toBeCloseTo(p, 12);
    }
    fc.assert(
      fc.property(fc.double({ min: 1e-9, max: 0.999, noNaN: true }), (alpha) => {
        expect(twoSidedP(twoSidedQuantile(alpha)) / alpha).toBeCloseTo(1, 9);
      }),
    );
  });
});

describe("Holm's adjustment", () => {
  /** The closed test: a hypothesis falls where every set that it is in falls by Bonferroni. */
  const slow = (pValues: readonly number[]): number[] =>
    pValues.map((_, i) => {
      let worst = 0;
      for (let set = 1; set < 2 ** pValues.length; set++) {
        if (((set >> i) & 1) === 0) continue;
        const inside = pValues.filter((_p, j) => ((set >> j) & 1) === 1);
        worst = Math.max(worst, Math.min(1, inside.length * Math.min(...inside)));
      }
      return worst;
    });

  it('is the closed test of Bonferroni', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 0.01, 0.5, 1)), { maxLength: 7 }), (pValues) => {
        const expected = slow(pValues);
        holmAdjusted(pValues).forEach((p, i) => expect(p).toBeCloseTo(expected[i] as number, 12));
      }),
    );
  });
});

describe('the sample ratio', () => {
  it('is the normal test of one share where there are two arms, and leaves arms without a share out', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 1, max: 99 }), (a, b, percent) => {
        const share = percent / 100;
        const n = a + b;
        const z = (a - n * share) / Math.sqrt(n * share * (1 - share));
        expect(sampleRatio([a, 7, b], [share / 2, 0, (1 - share) / 2]).pValue).toBeCloseTo(twoSidedP(z), 9);
      }),
    );
    expect(sampleRatio([4_856, 5_144], [0.5, 0.5]).pValue).toBeCloseTo(0.0039768, 6);
    expect(sampleRatio([0, 0], [0.5, 0.5])).toEqual({ statistic: 0, degreesOfFreedom: 0, pValue: 1 });
  });
});

describe('a comparison of two arms', () => {
  it('finds a difference where there is none about as often as it may, although answers of one entity are alike', () => {
    const REPEATS = 400;
    const ENTITIES = 120;
    let state = 20_240_607;
    // Knuth's linear congruential generator: the same numbers in each run.
    const random = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
    const drawArm = (): Entity[] =>
      Array.from({ length: ENTITIES }, () => {
        // Entities differ in how often they are answered and in what is true of them.
        const count = 1 + Math.floor(random() * 20);
        const rate = random();
        let sum = 0;
        for (let i = 0; i < count; i++) sum += random() < rate ? 1 : 0;
        return { count, sum };
      });
    const plain = (arm: readonly Entity[]) => {
      const n = arm.reduce((sum, { count }) => sum + count, 0);
      const value = arm.reduce((sum, one) => sum + one.sum, 0) / n;
      return { value, standardError: Math.sqrt((value * (1 - value)) / n) };
    };
    const found = { byEntity: 0, byAnswer: 0 };
    for (let i = 0; i < REPEATS; i++) {
      const [control, treatment] = [drawArm(), drawArm()];
      if (ratioDifference(ratioEstimate(momentsOf(control)), ratioEstimate(momentsOf(treatment)), 0.05).pValue < 0.05) found.byEntity++;
      if (ratioDifference(plain(control), plain(treatment), 0.05).pValue < 0.05) found.byAnswer++;
    }
    // 5 % of 400 are 20, with a standard deviation of 4.4.
    expect(found.byEntity).toBeGreaterThan(6);
    expect(found.byEntity).toBeLessThan(34);
    expect(found.byAnswer).toBeGreaterThan(80);
  });

  it('has an interval that touches zero where its p-value is its alpha', () => {
    const control = { value: 0.5, standardError: 0.03 };
    for (const alpha of [0.05, 0.01]) {
      const treatment = { value: 0.5 + twoSidedQuantile(alpha) * 0.05, standardError: 0.04 };
      const { low, high, pValue, difference } = ratioDifference(control, treatment, alpha);
      expect([low, pValue]).toEqual([expect.closeTo(0, 9) as number, expect.closeTo(alpha, 9) as number]);
      expect(high).toBeCloseTo(2 * difference, 9);
    }
    expect(ratioDifference({ value: 1, standardError: 0 }, { value: 1, standardError: 0 }, 0.05)).toMatchObject({ difference: 0, pValue: 1 });
    expect(ratioDifference({ value: 1, standardError: 0 }, { value: 2, standardError: 0 }, 0.05)).toMatchObject({ difference: 1, pValue: 0 });
  });
});

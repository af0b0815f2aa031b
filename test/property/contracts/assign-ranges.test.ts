import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assignRanges } from '../../../src/contracts/assign-ranges.ts';
import { ARMS_MAX, EXPERIMENT_BUCKETS, RANGES_MAX, bucketsOf, rangeAt, type BucketRange } from '../../../src/contracts/experiment.ts';

const NAMES = Array.from({ length: ARMS_MAX }, (_, i) => `arm${i}`);
type Counts = readonly number[];

/** Buckets of each arm, adding up to all of them at most; zeros and round numbers among them. */
const counts: fc.Arbitrary<Counts> = fc
  .tuple(
    fc.array(fc.oneof(fc.nat({ max: 40 }), fc.constantFrom(0, 0, 10, 20)), { minLength: 2, maxLength: ARMS_MAX }),
    fc.oneof(fc.constant(0), fc.nat({ max: 40 })),
  )
  .map(([weights, nobody]) => {
    const whole = weights.reduce((sum, weight) => sum + weight, 0) + nobody || 1;
    return weights.map((weight) => Math.floor((weight * EXPERIMENT_BUCKETS) / whole));
  });
const armsOf = (shares: Counts) => NAMES.map((name, i) => ({ name, share: (shares[i] ?? 0) / EXPERIMENT_BUCKETS }));

/** Who has each bucket, the slow way; '' for nobody. */
function owners(ranges: readonly BucketRange[]): string[] {
  const found = new Array<string>(EXPERIMENT_BUCKETS).fill('');
  for (const { arm, from, to } of ranges) {
    for (let bucket = from; bucket < to; bucket++) {
      if (found[bucket] !== '') throw new Error(`bucket ${bucket} lies in two ranges`);
      found[bucket] = arm;
    }
  }
  return found;
}

function countsOf(owned: readonly string[]): (arm: string) => number {
  const found = new Map<string, number>();
  for (const owner of owned) found.set(owner, (found.get(owner) ?? 0) + 1);
  return (arm) => found.get(arm) ?? 0;
}

describe('ranges of buckets', () => {
  it('give each arm its share to a bucket, in order and joined, whatever came before', () => {
    fc.assert(
      fc.property(fc.array(counts, { minLength: 1, maxLength: 6 }), (steps) => {
        let ranges: BucketRange[] = [];
        for (const step of steps) {
          ranges = assignRanges(ranges, armsOf(step));
          const countOf = countsOf(owners(ranges));
          expect(armsOf(step).map(({ name }) => countOf(name))).toEqual(armsOf(step).map(({ share }) => bucketsOf(share)));
          ranges.slice(1).forEach((range, i) => {
            const before = ranges[i] as BucketRange;
            expect(range.from).toBeGreaterThanOrEqual(before.to);
            expect(range.from > before.to || range.arm !== before.arm).toBe(true);
          });
        }
      }),
      { numRuns: 40 },
    );
  });

  it('move as few buckets as any assignment could, and none of an arm that grows', () => {
    fc.assert(
      fc.property(fc.array(counts, { minLength: 2, maxLength: 6 }), (steps) => {
        let before: BucketRange[] = [];
        for (const step of steps) {
          const after = assignRanges(before, armsOf(step));
          const [old, now] = [owners(before), owners(after)];
          const [countBefore, countAfter] = [countsOf(old), countsOf(now)];
          // Of any two assignments with these sizes, at most the smaller of an owner's two sizes can stay with it.
          const stayMax = ['', ...NAMES].reduce((sum, arm) => sum + Math.min(countBefore(arm), countAfter(arm)), 0);
          expect(old.filter((owner, bucket) => owner === now[bucket]).length).toBe(stayMax);
          const left = new Set(old.filter((owner, bucket) => owner !== now[bucket]));
          expect(NAMES.filter((arm) => left.has(arm) && countAfter(arm) >= countBefore(arm))).toEqual([]);
          before = after;
        }
      }),
      { numRuns: 40 },
    );
  });

  it('stay few through a long ramp of the usual kind', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 2, maxLength: ARMS_MAX }), (weights) => {
        const whole = weights.reduce((sum, weight) => sum + weight, 0);
        let ranges: BucketRange[] = [];
        for (const ramp of [0.01, 0.05, 0.1, 0.25, 0.5, 1]) {
          const step = weights.map((weight) => Math.floor((weight * ramp * EXPERIMENT_BUCKETS) / whole));
          ranges = assignRanges(ranges, armsOf(step));
        }
        expect(ranges.length).toBeLessThanOrEqual(RANGES_MAX);
      }),
      { numRuns: 100 },
    );
  });

  it('say of each bucket who has it', () => {
    const ranges = assignRanges([], armsOf([1, 2_500]));
    expect([0, 1, 2_500, 2_501, 9_999].map((bucket) => rangeAt(ranges, bucket)?.arm)).toEqual(['arm0', 'arm1', 'arm1', undefined, undefined]);
  });
});

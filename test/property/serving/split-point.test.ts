import fc from 'fast-check';
import { expect, it } from 'vitest';
import { splitPoint } from '../../../serving/router/split-point.ts';
import { partitionOf } from '../../../src/fold/partition-of.ts';

const ENTITIES = 20_000;
/** Five standard deviations of a binomial share. */
const bound = (share: number, n: number) => 5 * Math.sqrt((share * (1 - share)) / n);

it('sends the wanted share of any model to the canary, and only adds entities as it grows', () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 1, maxLength: 20 }),
      fc.double({ min: 0.01, max: 0.99, noNaN: true }),
      (model, share) => {
        const points = Array.from({ length: ENTITIES }, (_, i) => splitPoint(model, [`entity-${i}`]));
        const inCanary = points.filter((point) => point < share).length / ENTITIES;
        expect(Math.abs(inCanary - share)).toBeLessThan(bound(share, ENTITIES));
        expect(points.every((point) => point >= 0 && point < 1)).toBe(true);
      },
    ),
    { numRuns: 20 },
  );
});

it('spreads a share over all fold partitions alike', () => {
  const share = 0.2;
  const counts = Array.from({ length: 4 }, () => ({ all: 0, canary: 0 }));
  for (let i = 0; i < ENTITIES; i++) {
    const key = `N${i}`;
    const count = counts[partitionOf(key, 4)] as { all: number; canary: number };
    count.all++;
    if (splitPoint('m', [key]) < share) count.canary++;
  }
  for (const { all, canary } of counts) expect(Math.abs(canary / all - share)).toBeLessThan(bound(share, all));
});

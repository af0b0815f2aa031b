import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { powerOfTwo } from '../../../src/fold/power-of-two.ts';
import { decayedMean, decayedSum, partWeight } from '../../support/naive/exact-decay.ts';
import { cardView, HOUR_MS, OneKey, START_MS } from '../../support/fold/payments.ts';

const part = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('a weight of the decayed kinds', () => {
  it('has the bits of the series that the manual names', () => {
    fc.assert(fc.property(part, (x) => void expect(powerOfTwo(x)).toBe(partWeight(x))));
    expect(powerOfTwo(0)).toBe(1);
  });

  it('is within 2.5e-16 of the power of two, which is itself rounded here', () => {
    const share = (x: number) => Math.abs(powerOfTwo(x) - 2 ** x) / 2 ** x;
    fc.assert(fc.property(part, (x) => void expect(share(x)).toBeLessThan(2.5e-16 + Number.EPSILON / 2)));
  });

  it('is the same to the last bit in fold and oracle: values of nearly one time that nearly cancel show it', () => {
    const halfLife = '365d';
    const halfLifeMs = 365 * 24 * HOUR_MS;
    const view = cardView((a) => ({
      sum: a.decayedSum('amount', { window: '1h', halfLife }),
      mean: a.decayedMean('amount', { window: '1h', halfLife }),
    }));
    const times = fc.tuple(fc.nat(HOUR_MS / 2), fc.integer({ min: 1, max: 5 }));
    fc.assert(
      fc.property(times, fc.constantFrom(0.1, 4_999.999, 1e6), ([time, later], amount) => {
        const events = [
          { value: amount, time: START_MS + time },
          { value: -amount, time: START_MS + time + later },
        ];
        const key = new OneKey(view);
        for (const { value, time: at } of events) key.add(at - START_MS, { amount: value });
        const { sum, mean } = key.read(HOUR_MS / 2 + 10);
        const exact = decayedSum(events, START_MS + HOUR_MS / 2 + 10, halfLifeMs);
        expect(exact).toBeLessThan(0);
        expect(Math.fround(sum!)).toBe(Math.fround(exact));
        expect(Math.fround(mean!)).toBe(Math.fround(decayedMean(events, halfLifeMs)));
      }),
    );
  });
});

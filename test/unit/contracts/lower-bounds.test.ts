import { expect, it } from 'vitest';
import { meanLowerBound, normalQuantile, wilsonLowerBound } from '../../../src/contracts/lower-bounds.ts';

it.each([
  [0.05, 1.644854],
  [0.025, 1.959964],
  [0.001, 3.090232],
  [0.00001, 4.264891],
])('the normal distribution has %s of its mass above its quantile', (alpha, quantile) => {
  expect(Math.abs(normalQuantile(alpha) - quantile)).toBeLessThan(4.5e-4);
});

it('the bound of a rate solves the equation that defines it', () => {
  for (const [count, of, z] of [[1, 10, 1.96], [50, 1_000, 3.09], [999, 1_000, 2.33], [10, 10, 1.64]] as const) {
    const bound = wilsonLowerBound(count, of, z);
    // Wilson: the rate seen lies z standard errors of the bound itself above the bound.
    expect((count / of - bound) / Math.sqrt((bound * (1 - bound)) / of)).toBeCloseTo(z, 9);
  }
  expect(wilsonLowerBound(0, 10, 2)).toBe(0);
  expect(wilsonLowerBound(0, 0, 2)).toBe(0);
});

it('the bound of a mean lies so many standard errors below it', () => {
  expect(meanLowerBound(0.3, 0.2, 400, 3)).toBeCloseTo(0.27, 12);
});

import { describe, expect, it } from 'vitest';
import {
  exactSquareSum,
  exactSum,
  nearestDeviation,
  nearestQuotient,
} from '../../support/naive/exact-arithmetic.ts';

describe('the exact arithmetic of the oracle', () => {
  it('adds what float64 would lose', () => {
    expect(nearestQuotient(exactSum([1e308, 1, -1e308, 2 ** -1074]), 1n)).toBe(1);
    expect(nearestQuotient(exactSum([0.1, 0.2, -0.3]), 1n)).toBe(2 ** -55);
  });

  it('rounds a quotient once, ties to even', () => {
    expect(nearestQuotient(exactSum([1]), 3n)).toBe(1 / 3);
    expect(nearestQuotient(exactSum([-7]), 3n)).toBe(-7 / 3);
    expect(nearestQuotient(exactSum([2 ** 53, 1]), 1n)).toBe(2 ** 53);
    expect(nearestQuotient(exactSum([2 ** 53, 1, 2 ** -60]), 1n)).toBe(2 ** 53 + 2);
    expect(nearestQuotient(exactSum([1, -1]), 5n)).toBe(0);
  });

  it('squares and takes deviations exactly', () => {
    expect(nearestQuotient(exactSquareSum([0.5, -3]), 1n)).toBe(9.25);
    expect(nearestDeviation([2, 4, 4, 4, 5, 5, 7, 9])).toBe(2);
    expect(nearestDeviation([1e9 + 1, 1e9 + 3])).toBe(1);
    expect(nearestDeviation([0.25, 0.75])).toBe(0.25);
    expect(nearestDeviation([7, 7, 7])).toBe(0);
    expect(nearestDeviation([0, 0, 1])).toBeCloseTo(Math.sqrt(2) / 3, 15);
  });
});

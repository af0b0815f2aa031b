import type { CombinationKind } from '../define/aggregation.ts';

/**
 * A ratio or a difference of two values in float64; NaN is null. Null where one of them is, where the
 * denominator is 0, and where no double holds the ratio.
 */
export function combine(kind: CombinationKind, first: number, second: number): number {
  const value = kind === 'ratio' ? first / second : first - second;
  // -0 becomes 0, so that equal values have equal bits.
  return Number.isFinite(value) ? value + 0 : NaN;
}

import { NEWEST_VALUES_WIDTH, newestValues } from '../intermediates/newest-values.ts';
import type { AggregationAlgebra } from './aggregation-algebra.ts';

/**
 * One of the n newest values that are not null: the newest has rank 1. By event time, then known time, then
 * the greater value; null where there are fewer values than the rank.
 */
export function lastN(n: number, rank: number): AggregationAlgebra {
  const offset = (rank - 1) * NEWEST_VALUES_WIDTH;
  return {
    prepare: 'field',
    intermediates: [newestValues(n)],
    finalize(slots, at, _asOf, out, outAt) {
      const value = at[0]! + offset;
      out[outAt] = slots[value + 1]! === 0 ? NaN : slots[value + 2]!;
    },
  };
}

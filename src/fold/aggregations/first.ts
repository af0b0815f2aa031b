import { oldestValue } from '../intermediates/oldest-value.ts';
import type { AggregationAlgebra } from './aggregation-algebra.ts';

/**
 * Oldest value of the window that is not null, by event time, then known time, then the smaller value; null
 * where there is none.
 */
export const first: AggregationAlgebra = {
  prepare: 'field',
  intermediates: [oldestValue],
  finalize(slots, at, _asOf, out, outAt) {
    out[outAt] = slots[at[0]!]! === Infinity ? NaN : slots[at[0]! + 2]!;
  },
};

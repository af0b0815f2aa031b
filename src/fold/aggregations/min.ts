import { smallestValue } from '../intermediates/smallest-value.ts';
import type { AggregationAlgebra } from './aggregation-algebra.ts';

/** Smallest value; null where there is none. */
export const min: AggregationAlgebra = {
  prepare: 'field',
  intermediates: [smallestValue],
  finalize(slots, at, _asOf, out, outAt) {
    const smallest = slots[at[0]!]!;
    out[outAt] = smallest === Infinity ? NaN : smallest;
  },
};

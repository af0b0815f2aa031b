import { greatestValue } from '../intermediates/greatest-value.ts';
import type { AggregationAlgebra } from './aggregation-algebra.ts';

/** Greatest value; null where there is none. */
export const max: AggregationAlgebra = {
  prepare: 'field',
  intermediates: [greatestValue],
  finalize(slots, at, _asOf, out, outAt) {
    const greatest = slots[at[0]!]!;
    out[outAt] = greatest === -Infinity ? NaN : greatest;
  },
};

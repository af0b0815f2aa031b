import { newestValue } from '../intermediates/newest-value.ts';
import type { AggregationAlgebra } from './aggregation-algebra.ts';

/** Newest value that is not null, by event time, then known time, then the greater value; null where there is none. */
export const last: AggregationAlgebra = {
  prepare: 'field',
  intermediates: [newestValue],
  finalize(slots, at, _asOf, out, outAt) {
    out[outAt] = slots[at[0]!]! === -Infinity ? NaN : slots[at[0]! + 2]!;
  },
};

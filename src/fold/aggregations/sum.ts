import { eventCount } from '../intermediates/event-count.ts';
import { valueSum } from '../intermediates/value-sum.ts';
import type { AggregationAlgebra } from './aggregation-algebra.ts';

/** Sum of the values that are not null; null where there is none. */
export const sum: AggregationAlgebra = {
  prepare: 'field',
  intermediates: [eventCount, valueSum],
  finalize(slots, at, _asOf, out, outAt) {
    out[outAt] = slots[at[0]!]! === 0 ? NaN : slots[at[1]!]!;
  },
};

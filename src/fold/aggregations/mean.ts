import { eventCount } from '../intermediates/event-count.ts';
import { valueSum } from '../intermediates/value-sum.ts';
import type { AggregationAlgebra } from './aggregation-algebra.ts';

/** Arithmetic mean of the values that are not null; null where there is none. */
export const mean: AggregationAlgebra = {
  prepare: 'field',
  intermediates: [eventCount, valueSum],
  finalize(slots, at, _asOf, out, outAt) {
    const events = slots[at[0]!]!;
    out[outAt] = events === 0 ? NaN : slots[at[1]!]! / events;
  },
};

import { divideDoubleDouble } from '../double-double.ts';
import { eventCount } from '../intermediates/event-count.ts';
import { valueSum } from '../intermediates/value-sum.ts';
import type { AggregationAlgebra } from './aggregation-algebra.ts';

/**
 * Arithmetic mean of the values that are not null; null where there is none. To the last bit of a double:
 * the difference of two equal means is 0.
 */
export const mean: AggregationAlgebra = {
  prepare: 'field',
  intermediates: [eventCount, valueSum],
  finalize(slots, at, _asOf, out, outAt) {
    const events = slots[at[0]!]!;
    const sum = at[1]!;
    out[outAt] = events === 0 ? NaN : divideDoubleDouble(slots[sum]!, slots[sum + 1]!, events);
  },
};

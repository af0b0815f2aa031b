import { eventCount } from '../intermediates/event-count.ts';
import { squareSum } from '../intermediates/square-sum.ts';
import { valueSum } from '../intermediates/value-sum.ts';
import type { AggregationAlgebra } from './aggregation-algebra.ts';
import { spreadOf } from './spread.ts';

/** Population variance of the values that are not null; null where there is none. */
export const variance: AggregationAlgebra = {
  prepare: 'field',
  intermediates: [eventCount, valueSum, squareSum],
  finalize(slots, at, _asOf, out, outAt) {
    const events = slots[at[0]!]!;
    out[outAt] = events === 0 ? NaN : spreadOf(slots, events, at[1]!, at[2]!) / (events * events);
  },
};

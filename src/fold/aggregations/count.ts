import { eventCount } from '../intermediates/event-count.ts';
import type { AggregationAlgebra } from './aggregation-algebra.ts';

/** Number of events; 0 where there is none. */
export const count: AggregationAlgebra = {
  prepare: 'event',
  intermediates: [eventCount],
  finalize(slots, at, _asOf, out, outAt) {
    out[outAt] = slots[at[0]!]!;
  },
};

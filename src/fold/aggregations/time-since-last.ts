import { newestEventTime } from '../intermediates/newest-event-time.ts';
import type { AggregationAlgebra } from './aggregation-algebra.ts';

const SECOND_MS = 1_000;

/**
 * Seconds from the newest event to the moment of the read; null where there is none. Never negative: a
 * live read may see an event that is newer than its own moment, which then is 0 seconds old.
 */
export const timeSinceLast: AggregationAlgebra = {
  prepare: 'event',
  intermediates: [newestEventTime],
  finalize(slots, at, asOf, out, outAt) {
    const newest = slots[at[0]!]!;
    out[outAt] = newest === -Infinity ? NaN : Math.max(0, asOf - newest) / SECOND_MS;
  },
};

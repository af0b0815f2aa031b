import { addDoubleDouble, scaleDoubleDouble, squareDoubleDouble } from '../double-double.ts';
import { eventCount } from '../intermediates/event-count.ts';
import { squareSum } from '../intermediates/square-sum.ts';
import { valueSum } from '../intermediates/value-sum.ts';
import type { AggregationAlgebra } from './aggregation-algebra.ts';

/**
 * A variance below this share of the mean square is 0: what is left of a spread that small is rounding,
 * and rounding depends on the order of arrival.
 */
export const VARIANCE_RESOLUTION = 1e-20;

/** n * sum of squares, then the square of the sum: two double-doubles, used within one call. */
const scratch = new Float64Array(4);

/** Population standard deviation of the values that are not null; null where there is none. */
export const stddev: AggregationAlgebra = {
  prepare: 'field',
  intermediates: [eventCount, valueSum, squareSum],
  finalize(slots, at, _asOf, out, outAt) {
    const events = slots[at[0]!]!;
    if (events === 0) {
      out[outAt] = NaN;
      return;
    }
    scratch[0] = slots[at[2]!]!;
    scratch[1] = slots[at[2]! + 1]!;
    scaleDoubleDouble(scratch, 0, events);
    const squares = scratch[0];
    scratch[2] = slots[at[1]!]!;
    scratch[3] = slots[at[1]! + 1]!;
    squareDoubleDouble(scratch, 2);
    addDoubleDouble(scratch, 0, -scratch[2], -scratch[3]);
    const spread = scratch[0];
    out[outAt] = spread <= VARIANCE_RESOLUTION * squares ? 0 : Math.sqrt(spread) / events;
  },
};

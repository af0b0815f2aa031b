import { addDoubleDouble, multiplyDoubleDouble, scaleDoubleDouble } from '../double-double.ts';
import { cubeSum } from '../intermediates/cube-sum.ts';
import { eventCount } from '../intermediates/event-count.ts';
import { squareSum } from '../intermediates/square-sum.ts';
import { valueSum } from '../intermediates/value-sum.ts';
import type { AggregationAlgebra } from './aggregation-algebra.ts';
import { spreadOf } from './spread.ts';

/** A variance of at most this share of the mean square has no skewness: its cube would be all rounding. */
export const SKEWNESS_VARIANCE_MIN = 1e-10;
/** Below this n^2 * variance the cubes of the deviations leave the range of a double. */
export const SKEWNESS_SPREAD_MIN = 1e-150;
/** A third moment of at most this share of what the cubes could sum to is 0: what is left of it is rounding. */
export const SKEWNESS_RESOLUTION = 1e-22;

/** The numerator and one product: two double-doubles, used within one call. */
const scratch = new Float64Array(4);

/**
 * Population skewness of the values that are not null: the mean cubed distance from the mean, in standard
 * deviations. Null where there is no value, or none that differs: where the variance is at most
 * SKEWNESS_VARIANCE_MIN of the mean square.
 */
export const skewness: AggregationAlgebra = {
  prepare: 'field',
  intermediates: [eventCount, valueSum, squareSum, cubeSum],
  finalize(slots, at, _asOf, out, outAt) {
    const events = slots[at[0]!]!;
    const squares = events * slots[at[2]!]!;
    const spread = events === 0 ? 0 : spreadOf(slots, events, at[1]!, at[2]!);
    if (spread <= SKEWNESS_VARIANCE_MIN * squares || spread < SKEWNESS_SPREAD_MIN) {
      out[outAt] = NaN;
      return;
    }
    const numerator = thirdMoment(slots, events, at[1]!, at[2]!, at[3]!);
    const greatest = Math.sqrt(events * squares) * squares;
    out[outAt] =
      Math.abs(numerator) <= SKEWNESS_RESOLUTION * greatest ? 0 : numerator / (spread * Math.sqrt(spread));
  },
};

/** n^2 * sum of cubes - 3 n * sum * sum of squares + 2 * cube of the sum: n^3 times the third central moment. */
function thirdMoment(
  slots: Float64Array,
  events: number,
  sumAt: number,
  squaresAt: number,
  cubesAt: number,
): number {
  const high = slots[sumAt]!;
  const low = slots[sumAt + 1]!;
  scratch[0] = slots[cubesAt]!;
  scratch[1] = slots[cubesAt + 1]!;
  scaleDoubleDouble(scratch, 0, events);
  scaleDoubleDouble(scratch, 0, events);
  scratch[2] = slots[squaresAt]!;
  scratch[3] = slots[squaresAt + 1]!;
  multiplyDoubleDouble(scratch, 2, high, low);
  scaleDoubleDouble(scratch, 2, -3 * events);
  addDoubleDouble(scratch, 0, scratch[2], scratch[3]);
  scratch[2] = high;
  scratch[3] = low;
  multiplyDoubleDouble(scratch, 2, high, low);
  multiplyDoubleDouble(scratch, 2, high, low);
  addDoubleDouble(scratch, 0, 2 * scratch[2], 2 * scratch[3]);
  return scratch[0];
}

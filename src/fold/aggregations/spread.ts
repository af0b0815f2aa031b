import { addDoubleDouble, scaleDoubleDouble, squareDoubleDouble } from '../double-double.ts';

/**
 * A variance of at most this share of the mean square is 0: what is left of a spread that small is rounding,
 * and rounding depends on the order of arrival.
 */
export const VARIANCE_RESOLUTION = 1e-20;

/** n * sum of squares, then the square of the sum: two double-doubles, used within one call. */
const scratch = new Float64Array(4);

/**
 * n * sum of squares - square of the sum, which is n^2 times the population variance; 0 for a variance
 * within VARIANCE_RESOLUTION.
 * @param sumAt, squaresAt where the double-doubles of the sum and of the sum of squares begin
 */
export function spreadOf(slots: Float64Array, events: number, sumAt: number, squaresAt: number): number {
  scratch[0] = slots[squaresAt]!;
  scratch[1] = slots[squaresAt + 1]!;
  scaleDoubleDouble(scratch, 0, events);
  const squares = scratch[0];
  scratch[2] = slots[sumAt]!;
  scratch[3] = slots[sumAt + 1]!;
  squareDoubleDouble(scratch, 2);
  addDoubleDouble(scratch, 0, -scratch[2], -scratch[3]);
  const spread = scratch[0];
  return spread <= VARIANCE_RESOLUTION * squares ? 0 : spread;
}

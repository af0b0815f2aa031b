import { addDoubleDouble, mergeDoubleDoubles, SPLITTER } from '../double-double.ts';
import type { Intermediate } from './intermediate.ts';

/** Sum of the input's squares as a double-double (high, low); each square is exact. Two slots. */
export const squareSum: Intermediate = {
  name: 'squareSum',
  width: 2,
  identity: [0, 0],
  update(slots, at, inputs, input) {
    const value = inputs[input]!;
    const scaled = SPLITTER * value;
    const top = scaled - (scaled - value);
    const bottom = value - top;
    const square = value * value;
    addDoubleDouble(slots, at, square, top * top - square + 2 * top * bottom + bottom * bottom);
  },
  mergeTiles: mergeDoubleDoubles,
};

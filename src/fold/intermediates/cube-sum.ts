import { addDoubleDouble, mergeDoubleDoubles, scaleDoubleDouble } from '../double-double.ts';
import type { Intermediate } from './intermediate.ts';

/** The cube of the event in hand, used within one call. */
const cube = new Float64Array(2);

/** Sum of the input's cubes as a double-double (high, low); each cube to about 1e-31 of its size. Two slots. */
export const cubeSum: Intermediate = {
  name: 'cubeSum',
  width: 2,
  identity: [0, 0],
  update(slots, at, inputs, input) {
    const value = inputs[input]!;
    cube[0] = value;
    cube[1] = 0;
    scaleDoubleDouble(cube, 0, value);
    scaleDoubleDouble(cube, 0, value);
    addDoubleDouble(slots, at, cube[0], cube[1]);
  },
  mergeTiles: mergeDoubleDoubles,
};

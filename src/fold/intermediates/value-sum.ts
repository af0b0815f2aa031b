import { mergeDoubleDoubles } from '../double-double.ts';
import type { Intermediate } from './intermediate.ts';

/** Sum of the input as a double-double (high, low). Two slots. */
export const valueSum: Intermediate = {
  name: 'valueSum',
  width: 2,
  identity: [0, 0],
  update(slots, at, inputs, input) {
    const value = inputs[input]!;
    const high = slots[at]!;
    const sum = high + value;
    const part = sum - high;
    const low = high - (sum - part) + (value - part) + slots[at + 1]!;
    const total = sum + low;
    slots[at] = total;
    slots[at + 1] = low - (total - sum);
  },
  mergeTiles: mergeDoubleDoubles,
};

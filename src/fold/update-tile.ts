import { eventCount } from './intermediates/event-count.ts';
import { greatestValue } from './intermediates/greatest-value.ts';
import type { Intermediate } from './intermediates/intermediate.ts';
import { newestEventTime } from './intermediates/newest-event-time.ts';
import { newestValue } from './intermediates/newest-value.ts';
import { smallestValue } from './intermediates/smallest-value.ts';
import { squareSum } from './intermediates/square-sum.ts';
import { valueSum } from './intermediates/value-sum.ts';
import type { Column } from './view-program.ts';

/** Intermediates that are called by name below: each call has one target then, and is compiled in place. */
const NAMED: readonly Intermediate[] = [
  eventCount,
  valueSum,
  squareSum,
  greatestValue,
  smallestValue,
  newestEventTime,
  newestValue,
];
const STEP_NUMBERS = 3;

/** Per column of a tile: place in `NAMED` (-1: any other), input, offset. */
export function stepsOf(columns: readonly Column[]): Int32Array {
  return Int32Array.from(
    columns.flatMap(({ intermediate, input, offset }) => [NAMED.indexOf(intermediate), input, offset]),
  );
}

/** Adds one event to every column of the tile whose slots begin at `slots`. */
export function updateTile(
  steps: Int32Array,
  columns: readonly Column[],
  values: Float64Array,
  slots: number,
  inputs: Float64Array,
  inputsAt: number,
  times: Float64Array,
): void {
  for (let s = 0; s < steps.length; s += STEP_NUMBERS) {
    const input = inputsAt + steps[s + 1]!;
    // NaN is the only number that differs from itself: null.
    if (inputs[input] !== inputs[input]) continue;
    const at = slots + steps[s + 2]!;
    switch (steps[s]!) {
      case 0:
        eventCount.update(values, at, inputs, input, times);
        break;
      case 1:
        valueSum.update(values, at, inputs, input, times);
        break;
      case 2:
        squareSum.update(values, at, inputs, input, times);
        break;
      case 3:
        greatestValue.update(values, at, inputs, input, times);
        break;
      case 4:
        smallestValue.update(values, at, inputs, input, times);
        break;
      case 5:
        newestEventTime.update(values, at, inputs, input, times);
        break;
      case 6:
        newestValue.update(values, at, inputs, input, times);
        break;
      default:
        columns[s / STEP_NUMBERS]!.intermediate.update(values, at, inputs, input, times);
    }
  }
}

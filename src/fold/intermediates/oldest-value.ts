import type { Intermediate } from './intermediate.ts';

/**
 * Event time, known time and value of the input with the smallest event time; ties go to the earlier
 * known time, then to the smaller value. Infinity before the first. Three slots.
 */
export const oldestValue: Intermediate = {
  name: 'oldestValue',
  width: 3,
  identity: [Infinity, Infinity, Infinity],
  update(slots, at, inputs, input, times) {
    takeIfOlder(slots, at, times[0]!, times[1]!, inputs[input]!);
  },
  mergeTiles(into, intoAt, tiles, at, stride, count) {
    for (let i = 0, from = at; i < count; i++, from += stride) {
      takeIfOlder(into, intoAt, tiles[from]!, tiles[from + 1]!, tiles[from + 2]!);
    }
  },
};

function takeIfOlder(
  slots: Float64Array,
  at: number,
  eventTime: number,
  knownTime: number,
  value: number,
): void {
  if (eventTime > slots[at]!) return;
  if (eventTime === slots[at]!) {
    if (knownTime > slots[at + 1]!) return;
    if (knownTime === slots[at + 1]! && value >= slots[at + 2]!) return;
  }
  slots[at] = eventTime;
  slots[at + 1] = knownTime;
  slots[at + 2] = value;
}

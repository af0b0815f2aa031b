import type { Intermediate } from './intermediate.ts';

/** Slots of one value: event time, known time minus event time plus 1 (0: there is no value), value. */
export const NEWEST_VALUES_WIDTH = 3;

/**
 * The n inputs with the greatest event times, newest first, with their times; ties go to the later known
 * time, then to the greater value, and equal ones are all kept. 3 n slots: a delay instead of the known
 * time, and zeros where there is no value, take a byte each in a state.
 */
export function newestValues(n: number): Intermediate {
  const width = n * NEWEST_VALUES_WIDTH;
  return {
    name: `newestValues(${n})`,
    width,
    identity: new Array<number>(width).fill(0),
    update(slots, at, inputs, input, times) {
      insert(slots, at, width, times[0]!, times[1]! - times[0]! + 1, inputs[input]!);
    },
    mergeTiles(into, intoAt, tiles, at, stride, count) {
      for (let i = 0, from = at; i < count; i++, from += stride) {
        for (let one = from; one < from + width && tiles[one + 1] !== 0; one += NEWEST_VALUES_WIDTH) {
          insert(into, intoAt, width, tiles[one]!, tiles[one + 1]!, tiles[one + 2]!);
        }
      }
    },
  };
}

/** Puts a value in its place, from where the older ones move down and the oldest may leave. */
function insert(
  slots: Float64Array,
  at: number,
  width: number,
  eventTime: number,
  delay: number,
  value: number,
): void {
  const end = at + width;
  let place = end;
  while (place > at && isNewer(slots, place - NEWEST_VALUES_WIDTH, eventTime, delay, value)) {
    place -= NEWEST_VALUES_WIDTH;
  }
  if (place === end) return;
  slots.copyWithin(place + NEWEST_VALUES_WIDTH, place, end - NEWEST_VALUES_WIDTH);
  slots[place] = eventTime;
  slots[place + 1] = delay;
  slots[place + 2] = value;
}

/** Whether a value is newer than the one at `at`; any is newer than none. */
function isNewer(slots: Float64Array, at: number, eventTime: number, delay: number, value: number): boolean {
  if (slots[at + 1] === 0) return true;
  if (eventTime !== slots[at]!) return eventTime > slots[at]!;
  if (delay !== slots[at + 1]!) return delay > slots[at + 1]!;
  return value > slots[at + 2]!;
}

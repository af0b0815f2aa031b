import type { Intermediate } from './intermediate.ts';

/** Greatest input; -Infinity before the first. One slot. */
export const greatestValue: Intermediate = {
  name: 'greatestValue',
  width: 1,
  identity: [-Infinity],
  update(slots, at, inputs, input) {
    if (inputs[input]! > slots[at]!) slots[at] = inputs[input]!;
  },
  mergeTiles(into, intoAt, tiles, at, stride, count) {
    let greatest = into[intoAt]!;
    for (let i = 0, from = at; i < count; i++, from += stride) {
      if (tiles[from]! > greatest) greatest = tiles[from]!;
    }
    into[intoAt] = greatest;
  },
};

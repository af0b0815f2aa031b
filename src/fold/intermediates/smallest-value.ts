import type { Intermediate } from './intermediate.ts';

/** Smallest input; Infinity before the first. One slot. */
export const smallestValue: Intermediate = {
  name: 'smallestValue',
  width: 1,
  identity: [Infinity],
  update(slots, at, inputs, input) {
    if (inputs[input]! < slots[at]!) slots[at] = inputs[input]!;
  },
  mergeTiles(into, intoAt, tiles, at, stride, count) {
    let smallest = into[intoAt]!;
    for (let i = 0, from = at; i < count; i++, from += stride) {
      if (tiles[from]! < smallest) smallest = tiles[from]!;
    }
    into[intoAt] = smallest;
  },
};

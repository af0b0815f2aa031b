import type { Intermediate } from './intermediate.ts';

/** How many inputs were not null. One slot. */
export const eventCount: Intermediate = {
  name: 'eventCount',
  width: 1,
  identity: [0],
  update(slots, at) {
    slots[at]! += 1;
  },
  retract(slots, at) {
    slots[at]! -= 1;
  },
  mergeTiles(into, intoAt, tiles, at, stride, count) {
    let total = into[intoAt]!;
    for (let i = 0, from = at; i < count; i++, from += stride) total += tiles[from]!;
    into[intoAt] = total;
  },
};

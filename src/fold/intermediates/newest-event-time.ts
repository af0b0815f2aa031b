import type { Intermediate } from './intermediate.ts';

/** Greatest event time, ms since the epoch; -Infinity before the first event. One slot. */
export const newestEventTime: Intermediate = {
  name: 'newestEventTime',
  width: 1,
  identity: [-Infinity],
  update(slots, at, _inputs, _input, times) {
    if (times[0]! > slots[at]!) slots[at] = times[0]!;
  },
  mergeTiles(into, intoAt, tiles, at, stride, count) {
    let newest = into[intoAt]!;
    for (let i = 0, from = at; i < count; i++, from += stride) {
      if (tiles[from]! > newest) newest = tiles[from]!;
    }
    into[intoAt] = newest;
  },
};

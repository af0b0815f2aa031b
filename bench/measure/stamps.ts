import { createRandom } from '../fold/activity-view.ts';
import { STAMP, type StampSpec } from './load-spec.ts';

/** The numbers of a run, in order; the same ones each time. */
export function createStamps(spec: StampSpec): () => number {
  if (spec.kind === 'counter') {
    let next = spec.from;
    return () => next++;
  }
  const random = createRandom();
  const shares = new Float64Array(spec.entities);
  let sum = 0;
  for (let k = 0; k < spec.entities; k++) shares[k] = sum += 1 / (k + 1) ** spec.exponent;
  return () => firstAtLeast(shares, random() * sum);
}

/** Writes the digits of a number into a place of as many bytes. */
export function writeStamp(bytes: Uint8Array, at: number, stamp: number): void {
  let rest = stamp;
  for (let i = at + STAMP.length - 1; i >= at; i--) {
    bytes[i] = 48 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}

function firstAtLeast(ascending: Float64Array, value: number): number {
  let [low, high] = [0, ascending.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

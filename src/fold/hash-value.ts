/** Bits of the second word that find room beside the first in 53. */
const SECOND_BITS = 21;

const word = new DataView(new ArrayBuffer(8));
/** The two lanes; used within one call. */
const lanes = new Int32Array(2);

/**
 * 53 bits of a text or a number, as a whole number that a double holds; NaN for null. Fixed for ever: states
 * and frames carry it. Of n different values some n^2 / 2^54 pairs share a hash: one in 18,000 sets of a
 * million has a pair at all, which is far below the error of any sketch.
 *
 * After MurmurHash3_x86_128 (Appleby, 2011), with two of its lanes, both of which take every word. It is no
 * defence against values that are made to collide.
 */
export function hashValue(value: unknown): number {
  lanes[0] = 0;
  lanes[1] = 0x3c6e_f372;
  if (typeof value === 'string') {
    for (let i = 0; i < value.length; i += 2) {
      // Past the end: 0, which the length tells from a NUL.
      mix(value.charCodeAt(i) | ((i + 1 < value.length ? value.charCodeAt(i + 1) : 0) << 16));
    }
    return finish(value.length);
  }
  if (typeof value !== 'number') return NaN;
  // -0 becomes 0: they are equal.
  word.setFloat64(0, value + 0);
  mix(word.getInt32(0));
  mix(word.getInt32(4));
  return finish(2);
}

function mix(input: number): void {
  let first = lanes[0]!;
  let second = lanes[1]!;
  first ^= Math.imul(rotate(Math.imul(input, 0x239b_961b), 15), 0xab0e_9789);
  first = (Math.imul((rotate(first, 19) + second) | 0, 5) + 0x561c_cd1b) | 0;
  second ^= Math.imul(rotate(Math.imul(input, 0xab0e_9789), 16), 0x38b3_4ae5);
  second = (Math.imul((rotate(second, 17) + first) | 0, 5) + 0x0bca_a747) | 0;
  lanes[0] = first;
  lanes[1] = second;
}

function finish(length: number): number {
  let first = lanes[0]! ^ length;
  let second = lanes[1]! ^ length;
  first = (first + second) | 0;
  second = (second + first) | 0;
  first = avalanche(first);
  second = avalanche(second);
  first = (first + second) | 0;
  second = (second + first) | 0;
  return (first >>> 0) * 2 ** SECOND_BITS + (second >>> (32 - SECOND_BITS));
}

const rotate = (value: number, by: number): number => (value << by) | (value >>> (32 - by));

function avalanche(value: number): number {
  let mixed = value ^ (value >>> 16);
  mixed = Math.imul(mixed, 0x85eb_ca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2_ae35);
  return mixed ^ (mixed >>> 16);
}

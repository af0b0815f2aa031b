/**
 * Numbers of about 106 bits as an unevaluated sum of two doubles (high, low), kept in two neighbouring
 * places of an array. Sums of events then do not depend on the order of arrival to about 1e-32 of
 * their size, so that a feature cast to float32 has the same bits on every path.
 *
 * Error-free transformations after Knuth (two-sum) and Dekker (split, two-product); additions with the
 * error bound of Joldes, Muller and Popescu, "Tight and rigorous error bounds for basic building
 * blocks of double-word arithmetic" (2017), algorithm 6.
 */

/** 2^27 + 1: splits a double into two halves of 26 bits, whose products are exact. */
export const SPLITTER = 134_217_729;

/** What the rounded `sum` of two doubles lacks; exact. */
export function errorOfSum(a: number, b: number, sum: number): number {
  const part = sum - a;
  return a - (sum - part) + (b - part);
}

const word = new DataView(new ArrayBuffer(8));

/**
 * A number rounded to odd: of the two doubles around it the one whose last bit is 1.
 * @param nearest the double nearest to it, not 0
 * @param rest what the nearest lacks, not 0
 */
export function roundedToOdd(nearest: number, rest: number): number {
  word.setFloat64(0, nearest);
  const bits = word.getBigInt64(0);
  if (bits & 1n) return nearest;
  // Away from 0 the bits of either sign count up.
  word.setBigInt64(0, rest > 0 === nearest > 0 ? bits + 1n : bits - 1n);
  return word.getFloat64(0);
}

/** Adds (high, low) to the double-double at `at`. */
export function addDoubleDouble(slots: Float64Array, at: number, high: number, low: number): void {
  const oldHigh = slots[at]!;
  const oldLow = slots[at + 1]!;
  const sum = oldHigh + high;
  const sumPart = sum - oldHigh;
  const sumError = oldHigh - (sum - sumPart) + (high - sumPart);
  const lows = oldLow + low;
  const lowsPart = lows - oldLow;
  const lowsError = oldLow - (lows - lowsPart) + (low - lowsPart);
  const middle = sumError + lows;
  const first = sum + middle;
  const rest = lowsError + (middle - (first - sum));
  const total = first + rest;
  slots[at] = total;
  slots[at + 1] = rest - (total - first);
}

/**
 * Adds `count` double-doubles, `stride` apart from `at`, to the one at `intoAt`. The errors of the high
 * parts are gathered beside them (Ogita, Rump and Oishi, "Accurate sum and dot product", 2005): as
 * accurate as adding one by one for thousands of tiles, and several times faster, because no step waits
 * for the normalisation of the one before.
 */
export function mergeDoubleDoubles(
  into: Float64Array,
  intoAt: number,
  tiles: Float64Array,
  at: number,
  stride: number,
  count: number,
): void {
  let high = into[intoAt]!;
  let low = into[intoAt + 1]!;
  for (let i = 0, from = at; i < count; i++, from += stride) {
    const value = tiles[from]!;
    const sum = high + value;
    const part = sum - high;
    low += high - (sum - part) + (value - part) + tiles[from + 1]!;
    high = sum;
  }
  const total = high + low;
  const part = total - high;
  into[intoAt] = total;
  into[intoAt + 1] = high - (total - part) + (low - part);
}

/** Replaces the double-double at `at` by its square. */
export function squareDoubleDouble(slots: Float64Array, at: number): void {
  const high = slots[at]!;
  const low = slots[at + 1]!;
  multiplyExactly(high, high, slots, at);
  const cross = slots[at + 1]! + 2 * high * low;
  const total = slots[at]! + cross;
  slots[at + 1] = cross - (total - slots[at]!);
  slots[at] = total;
}

/** Multiplies the double-double at `at` by (high, low). */
export function multiplyDoubleDouble(slots: Float64Array, at: number, high: number, low: number): void {
  const ownHigh = slots[at]!;
  const ownLow = slots[at + 1]!;
  multiplyExactly(ownHigh, high, slots, at);
  const cross = slots[at + 1]! + (ownHigh * low + ownLow * high);
  const total = slots[at]! + cross;
  slots[at + 1] = cross - (total - slots[at]!);
  slots[at] = total;
}

/** Multiplies the double-double at `at` by a double. */
export function scaleDoubleDouble(slots: Float64Array, at: number, factor: number): void {
  const low = slots[at + 1]!;
  multiplyExactly(slots[at]!, factor, slots, at);
  const cross = slots[at + 1]! + low * factor;
  const total = slots[at]! + cross;
  slots[at + 1] = cross - (total - slots[at]!);
  slots[at] = total;
}

/** What is left of a quotient, used within one call. */
const remainder = new Float64Array(2);

/** The double nearest to the quotient of a double-double and a double, but for one case in some 1e15. */
export function divideDoubleDouble(high: number, low: number, divisor: number): number {
  const quotient = high / divisor;
  multiplyExactly(quotient, divisor, remainder, 0);
  return quotient + (high - remainder[0]! - remainder[1]! + low) / divisor;
}

/** Writes the exact product of two doubles as (high, low) at `at`. */
function multiplyExactly(a: number, b: number, slots: Float64Array, at: number): void {
  const scaledA = SPLITTER * a;
  const topA = scaledA - (scaledA - a);
  const bottomA = a - topA;
  const scaledB = SPLITTER * b;
  const topB = scaledB - (scaledB - b);
  const bottomB = b - topB;
  const product = a * b;
  slots[at] = product;
  slots[at + 1] = topA * topB - product + topA * bottomB + bottomA * topB + bottomA * bottomB;
}

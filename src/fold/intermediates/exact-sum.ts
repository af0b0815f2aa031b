import { assertInvariant } from '../../core/assert-invariant.ts';
import { errorOfSum, roundedToOdd, scaleDoubleDouble } from '../double-double.ts';
import type { Intermediate } from './intermediate.ts';

/** Digits of a number in base 2^32, each from -2^31 to below 2^31: there is one way to write it. */
const BASE = 2 ** 32;
const HALF = 2 ** 31;
const DIGIT_BITS = 32;
/** Bits that a sum can be larger than the largest number in it: more events than a double can count. */
const EVENTS_BITS = 54;
/** Numbers of events are at most 1e30, NUMBER_MAGNITUDE_MAX: below 2^100. */
const MAGNITUDE_BITS = 100;
/** What lies below 2^-160 (7e-49) of a number is cut off, before it is squared too: a spread is that of the numbers that are summed. */
const FRACTION_BITS = 160;
const UNIT = 2 ** FRACTION_BITS;
/** Slots before the digits: the sum as a double-double, which only merged tiles have. */
const SUM_WIDTH = 2;

/** The event's number, its square or its cube as a double-double; used within one call. */
const term = new Float64Array(2);

/**
 * Sum of a power of the input in fixed point, so that it can be taken apart again: whatever was added and taken
 * back, in any order, it is to the last bit the sum of what is left (Kulisch, "Computer arithmetic and validity", 2008:
 * the long accumulator). A double-double would keep the rounding of the largest number that ever was in it.
 *
 * Its slots are those of the double-double sum in whose place it stands (high, low), which are filled where tiles are
 * merged, and then the digits. High is then the double nearest to the sum.
 */
function exactSum(name: string, power: 1 | 2 | 3): Intermediate {
  const fraction = power * FRACTION_BITS;
  const digits = Math.ceil((fraction + power * MAGNITUDE_BITS + EVENTS_BITS) / DIGIT_BITS);
  const width = SUM_WIDTH + digits;
  /** What 1 is worth at each digit: powers of two, by which all products and quotients are exact. */
  const units = Float64Array.from({ length: digits }, (_, d) => 2 ** (d * DIGIT_BITS - fraction));
  const add = (slots: Float64Array, at: number, value: number, sign: 1 | -1): void => {
    powerOf(value, power);
    addDigits(slots, at + SUM_WIDTH, units, sign * term[0]!, fraction);
    addDigits(slots, at + SUM_WIDTH, units, sign * term[1]!, fraction);
  };
  return {
    name,
    width,
    identity: new Array<number>(width).fill(0),
    update: (slots, at, inputs, input) => add(slots, at, inputs[input]!, 1),
    retract: (slots, at, inputs, input) => add(slots, at, inputs[input]!, -1),
    mergeTiles(into, intoAt, tiles, at, stride, count) {
      const first = intoAt + SUM_WIDTH;
      for (let i = 0, from = at + SUM_WIDTH; i < count; i++, from += stride) {
        for (let d = 0; d < digits; d++) into[first + d]! += tiles[from + d]!;
      }
      for (let d = 0; d < digits - 1; d++) carry(into, first + d);
      roundDigits(into, intoAt, first, units);
    },
  };
}

export const exactValueSum = exactSum('exactValueSum', 1);
export const exactSquareSum = exactSum('exactSquareSum', 2);
export const exactCubeSum = exactSum('exactCubeSum', 3);

function powerOf(value: number, power: 1 | 2 | 3): void {
  const cut = Math.trunc(value * UNIT) / UNIT;
  term[0] = cut;
  term[1] = 0;
  for (let i = 1; i < power; i++) scaleDoubleDouble(term, 0, cut);
}

/** Adds a double, cut off at 2^-fraction towards 0, to the digits from `first`, lowest first. */
function addDigits(slots: Float64Array, first: number, units: Float64Array, value: number, fraction: number): void {
  let rest = Math.abs(value);
  if (rest === 0) return;
  const sign = Math.sign(value);
  let d = Math.floor((Math.floor(Math.log2(rest)) + fraction) / DIGIT_BITS);
  assertInvariant(d < units.length, `a sum of fixed point has room for ${value}`);
  for (; rest !== 0 && d >= 0; d--) {
    const digit = Math.floor(rest / units[d]!);
    rest -= digit * units[d]!;
    if (digit === 0) continue;
    slots[first + d]! += sign * digit;
    for (let n = d; n < units.length - 1 && carry(slots, first + n); n++);
  }
}

/**
 * Writes the digits' sum to `at` as a double-double: its high part rounded once, ties to even. From the highest digit
 * down all is exact until the low part is full. It is then rounded to odd, which leaves it on its side of every tie
 * (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms using rounding to odd", 2008),
 * and the digits below can't change that: they are worth less than the one that did not fit.
 */
function roundDigits(slots: Float64Array, at: number, first: number, units: Float64Array): void {
  let high = 0;
  let low = 0;
  for (let d = units.length - 1; d >= 0; d--) {
    const value = slots[first + d]! * units[d]!;
    if (value === 0) continue;
    const sum = high + value;
    const below = errorOfSum(high, value, sum);
    const lows = low + below;
    const rest = errorOfSum(low, below, lows);
    high = sum;
    low = lows;
    if (rest === 0) continue;
    low = roundedToOdd(lows, rest);
    break;
  }
  const total = high + low;
  slots[at] = total;
  slots[at + 1] = low - (total - high);
}

/** Brings a digit within its bounds; true where the next one changed. */
function carry(slots: Float64Array, at: number): boolean {
  const digit = slots[at]!;
  const over = Math.floor((digit + HALF) / BASE);
  if (over === 0) return false;
  slots[at] = digit - over * BASE;
  slots[at + 1]! += over;
  return true;
}

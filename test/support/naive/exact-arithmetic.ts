/** A finite float64 is `integer / 2^shift`, exactly. */
export interface Dyadic {
  readonly integer: bigint;
  readonly shift: bigint;
}

/** Sum of float64 values without any rounding: `integer / 2^shift`. */
export function exactSum(values: readonly (number | Dyadic)[]): Dyadic {
  return values
    .map((value) => (typeof value === 'number' ? dyadicOf(value) : value))
    .reduce(addDyadic, { integer: 0n, shift: 0n });
}

export function exactSquareSum(values: readonly number[]): Dyadic {
  return values
    .map(dyadicOf)
    .map(({ integer, shift }) => ({ integer: integer * integer, shift: 2n * shift }))
    .reduce(addDyadic, { integer: 0n, shift: 0n });
}

/** The double nearest to `sum / divisor`, ties to even: one rounding. */
export function nearestQuotient(sum: Dyadic, divisor: bigint): number {
  return nearestDouble(sum.integer, divisor << sum.shift);
}

/**
 * The double nearest to the population standard deviation sqrt(n * sum of squares - square of the sum) / n. A variance
 * of at most 1e-20 of the mean square is 0, docs/features.md.
 */
export function nearestDeviation(values: readonly number[]): number {
  const n = BigInt(values.length);
  const sum = exactSum(values);
  const squares = exactSquareSum(values);
  const common = 2n * sum.shift > squares.shift ? 2n * sum.shift : squares.shift;
  const spread =
    ((n * squares.integer) << (common - squares.shift)) -
    ((sum.integer * sum.integer) << (common - 2n * sum.shift));
  if (spread * VARIANCE_SHARE_MIN <= (n * squares.integer) << (common - squares.shift)) return 0;
  // An even power of two comes out of the root; the bits below it only have to decide the rounding.
  const shift = common + (common & 1n) + 2n * ROOT_EXTRA_BITS;
  const radicand = spread << (shift - common);
  const root = integerRoot(radicand);
  const inexact = root * root === radicand ? 0n : 1n;
  return nearestDouble(2n * root + inexact, n << (shift / 2n + 1n));
}

const VARIANCE_SHARE_MIN = 10n ** 20n;
const ROOT_EXTRA_BITS = 128n;
/** More than the 53 bits of a double and the one that decides a tie. */
const QUOTIENT_BITS = 64;
/** Taken off a quotient of that many bits it leaves one that is far from the smallest double. */
const SHIFT_MAX = 1_000;

export function dyadicOf(value: number): Dyadic {
  let scaled = value;
  let shift = 0n;
  // Doubling is exact, and 1,074 doublings make an integer of the smallest double.
  while (!Number.isInteger(scaled)) {
    scaled *= 2;
    shift++;
  }
  return { integer: BigInt(scaled), shift };
}

function addDyadic(a: Dyadic, b: Dyadic): Dyadic {
  const shift = a.shift > b.shift ? a.shift : b.shift;
  return { integer: (a.integer << (shift - a.shift)) + (b.integer << (shift - b.shift)), shift };
}

/**
 * The double nearest to a quotient of integers. Long division far enough for the quotient to hold all bits that count, and one more for whether any rest was left.
 */
export function nearestDouble(numerator: bigint, denominator: bigint): number {
  if (numerator < 0n) return -nearestDouble(-numerator, denominator);
  if (numerator === 0n) return 0;
  const shift = Math.max(0, QUOTIENT_BITS + bitLength(denominator) - bitLength(numerator));
  const dividend = numerator << BigInt(shift);
  const quotient = dividend / denominator;
  const rest = quotient * denominator === dividend ? 0n : 1n;
  // The language rounds a BigInt to the nearest double, ties to even; a power of two then changes the exponent only.
  // In two steps: below 2^-1074 there is no power of two, but there may be a double.
  const half = Math.min(shift + 1, SHIFT_MAX);
  return Number(2n * quotient + rest) * 2 ** -half * 2 ** (half - shift - 1);
}

const bitLength = (value: bigint): number => value.toString(2).length;

/** Greatest integer whose square is not above the value (Heron's method). */
function integerRoot(value: bigint): bigint {
  if (value < 2n) return value;
  let guess = 1n << BigInt(Math.ceil(bitLength(value) / 2));
  for (;;) {
    const next = (guess + value / guess) >> 1n;
    if (next >= guess) return guess;
    guess = next;
  }
}

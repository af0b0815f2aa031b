/** Bits of a hash that choose a register. */
export const PRECISION = 11;
/** A standard error of 1.04 / sqrt(2048) = 2.3 %. */
export const REGISTERS = 2 ** PRECISION;
/** Bits of a 53-bit hash beside those. */
const RANK_BITS = 53 - PRECISION;
/** Where all of those are 0. */
export const RANK_MAX = RANK_BITS + 1;

/** 1 / (2 ln 2). */
const ALPHA = 0.721_347_520_444_481_7;

/** How many registers hold each rank; used within one call. */
const histogram = new Float64Array(RANK_MAX + 1);

/**
 * How many different hashes the registers have seen: Ertl, "New cardinality estimation algorithms for
 * HyperLogLog sketches" (2017), the improved raw estimator, which needs no tables of corrections and no
 * switch between ranges.
 */
export function estimateDistinct(registers: Uint8Array): number {
  histogram.fill(0);
  for (let i = 0; i < REGISTERS; i++) histogram[registers[i]!]! += 1;
  let z = REGISTERS * tau(1 - histogram[RANK_MAX]! / REGISTERS);
  for (let rank = RANK_BITS; rank >= 1; rank--) z = 0.5 * (z + histogram[rank]!);
  z += REGISTERS * sigma(histogram[0]! / REGISTERS);
  return (ALPHA * REGISTERS * REGISTERS) / z;
}

/** x + sum of x^(2^k) 2^(k - 1) over k >= 1. */
function sigma(x: number): number {
  if (x === 1) return Infinity;
  let power = x;
  let factor = 1;
  let z = x;
  for (let before = NaN; before !== z;) {
    power *= power;
    before = z;
    z += power * factor;
    factor *= 2;
  }
  return z;
}

/** (1 - x - sum of (1 - x^(2^-k))^2 2^-k over k >= 1) / 3. */
function tau(x: number): number {
  if (x === 0 || x === 1) return 0;
  let root = x;
  let factor = 1;
  let z = 1 - x;
  for (let before = NaN; before !== z;) {
    root = Math.sqrt(root);
    before = z;
    factor *= 0.5;
    z -= (1 - root) ** 2 * factor;
  }
  return z / 3;
}

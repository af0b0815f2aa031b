import { dyadicOf, nearestDouble } from './exact-arithmetic.ts';

/** Sums over the values' distances from their mean, as integers: each distance is the n * 2^shift-fold. */
interface CentralSums {
  readonly n: bigint;
  readonly shift: bigint;
  /** Sum of the squares of the values, the 2^(2 shift)-fold. */
  readonly squares: bigint;
  readonly squaredDistances: bigint;
  readonly cubedDistances: bigint;
}

/**
 * The double nearest to the population variance. At most 1e-20 of the mean square is 0, docs/features.md.
 */
export function nearestVariance(values: readonly number[]): number {
  const { n, shift, squares, squaredDistances } = centralSums(values);
  // squaredDistances is n^2 * sum of squared distances; the mean square is squares / n.
  if (squaredDistances * 10n ** 20n <= n * n * squares) return 0;
  return nearestDouble(squaredDistances, (n * n * n) << (2n * shift));
}

/**
 * Population skewness, the mean cubed distance over the cube of the deviation, to within an ulp or two. By
 * docs/features.md null for a variance of at most 1e-10 of the mean square (or n^2 times it under 1e-150), and 0
 * where it is at most 1e-22 of what the cubes could sum to.
 */
export function nearestSkewness(values: readonly number[]): number | null {
  const { n, shift, squares, squaredDistances, cubedDistances } = centralSums(values);
  const spread = squaredDistances / n;
  if (spread * 10n ** 10n <= n * squares) return null;
  if (nearestDouble(spread, 1n << (2n * shift)) < 1e-150) return null;
  const moment = cubedDistances / n;
  if (moment * moment * 10n ** 44n <= n * (n * squares) ** 3n) return 0;
  // Both are n-fold too large: squared, (c/n)^2 / (d/n)^3 = n c^2 / d^3.
  const squared = nearestDouble(n * cubedDistances * cubedDistances, squaredDistances ** 3n);
  return Math.sign(Number(cubedDistances)) * Math.sqrt(squared);
}

function centralSums(values: readonly number[]): CentralSums {
  const dyadics = values.map(dyadicOf);
  const shift = dyadics.reduce((most, one) => (one.shift > most ? one.shift : most), 0n);
  const integers = dyadics.map((one) => one.integer << (shift - one.shift));
  const n = BigInt(values.length);
  const sum = integers.reduce((a, b) => a + b, 0n);
  const distances = integers.map((integer) => n * integer - sum);
  const total = (power: bigint, of: readonly bigint[]): bigint => of.reduce((a, b) => a + b ** power, 0n);
  return {
    n,
    shift,
    squares: total(2n, integers),
    squaredDistances: total(2n, distances),
    cubedDistances: total(3n, distances),
  };
}

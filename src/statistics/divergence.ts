import type { ColumnProfile } from '../contracts/model-bundle.ts';

/**
 * Share that an empty bin counts as having. PSI's logarithm has no value there; a floor of a
 * ten-thousandth bounds what one empty bin can add (about 0.9 against a bin of a tenth).
 */
export const PSI_SHARE_FLOOR = 1e-4;

type Counts = ArrayLike<number>;

/**
 * Population stability index, sum over bins of (q - p) ln(q / p), p and q being the shares of the two
 * counts, each at least `PSI_SHARE_FLOOR`. Symmetric; 0 for a thing with itself or with nothing.
 * Under 0.1 is stable and over 0.25 has shifted, by custom. Source: Siddiqi, Credit Risk Scorecards
 * (2006); it is the symmetrised Kullback-Leibler divergence (Jeffreys).
 */
export function psi(reference: Counts, current: Counts): number {
  const n = total(reference);
  const m = total(current);
  if (n === 0 || m === 0) return 0;
  let sum = 0;
  for (let i = 0; i < reference.length; i++) {
    const p = Math.max((reference[i] as number) / n, PSI_SHARE_FLOOR);
    const q = Math.max((current[i] as number) / m, PSI_SHARE_FLOOR);
    sum += (q - p) * Math.log(q / p);
  }
  return sum;
}

/** PSI of two profiles with the same bins; null counts as a bin of its own. */
export function profilePsi(reference: ColumnProfile, current: ColumnProfile): number {
  return psi([...reference.counts, reference.nulls], [...current.counts, current.nulls]);
}

/**
 * Jensen-Shannon distance in base 2: the square root of the mean Kullback-Leibler divergence of both
 * distributions from their mixture. A metric from 0 (equal) to 1 (disjoint); needs no floor.
 * Source: Endres and Schindelin, A new metric for probability distributions (2003).
 */
export function jensenShannon(reference: Counts, current: Counts): number {
  const n = total(reference);
  const m = total(current);
  if (n === 0 || m === 0) return 0;
  let sum = 0;
  for (let i = 0; i < reference.length; i++) {
    const p = (reference[i] as number) / n;
    const q = (current[i] as number) / m;
    const mixture = (p + q) / 2;
    if (p > 0) sum += p * Math.log2(p / mixture);
    if (q > 0) sum += q * Math.log2(q / mixture);
  }
  // Rounding may leave a hair below zero or above one.
  return Math.sqrt(Math.min(1, Math.max(0, sum / 2)));
}

export function total(counts: Counts): number {
  let sum = 0;
  for (let i = 0; i < counts.length; i++) sum += counts[i] as number;
  return sum;
}

import { twoSidedP, twoSidedQuantile } from './normal.ts';

/** Moments over the entities of one arm: of how often each was answered (its count) and of what that added up to (its sum). */
export interface RatioMoments {
  readonly entities: number;
  readonly meanCount: number;
  readonly meanSum: number;
  /** Sample variances and covariance, divided by one less than the entities. */
  readonly varianceCount: number;
  readonly varianceSum: number;
  readonly covariance: number;
}

export interface RatioEstimate {
  /** Sum of all sums by sum of all counts: the mean over answers. */
  readonly value: number;
  readonly standardError: number;
}

/**
 * A mean over answers whose entities, not whose answers, were drawn: answers of one entity resemble one another, and a
 * standard error that takes them for independent is too small. By the delta method, of the ratio of two means over
 * entities. Source: A. Deng, U. Knoblich, J. Lu, Applying the delta method in metric analytics (KDD 2018), section 3.
 * @param moments of at least two entities, with some count
 */
export function ratioEstimate({ entities, meanCount, meanSum, varianceCount, varianceSum, covariance }: RatioMoments): RatioEstimate {
  const value = meanSum / meanCount;
  const variance = varianceSum - 2 * value * covariance + value * value * varianceCount;
  // Rounding may leave a little below nothing where all entities agree.
  return { value, standardError: Math.sqrt(Math.max(0, variance) / entities) / meanCount };
}

export interface RatioDifference {
  readonly difference: number;
  readonly low: number;
  readonly high: number;
  /** Two-sided; not yet adjusted for the comparisons beside it. */
  readonly pValue: number;
}

/**
 * Treatment less control, of two independent arms, by the normal distribution.
 * @param alpha that the interval may miss by; with several intervals each has its part of it (Bonferroni)
 */
export function ratioDifference(control: RatioEstimate, treatment: RatioEstimate, alpha: number): RatioDifference {
  const difference = treatment.value - control.value;
  const standardError = Math.hypot(control.standardError, treatment.standardError);
  const half = twoSidedQuantile(alpha) * standardError;
  const pValue = standardError === 0 ? Number(difference === 0) : twoSidedP(difference / standardError);
  return { difference, low: difference - half, high: difference + half, pValue };
}

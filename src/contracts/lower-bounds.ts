/**
 * One-sided upper normal quantile: P(Z > z) = alpha, for alpha up to a half. Abramowitz and Stegun, Handbook of
 * Mathematical Functions (1964), 26.2.23; its error is below 4.5e-4.
 */
export function normalQuantile(alpha: number): number {
  const t = Math.sqrt(-2 * Math.log(alpha));
  return t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
}

/**
 * Lower bound of a rate of which `count` of `of` were seen. E. B. Wilson, Probable inference, the law of succession, and
 * statistical inference, JASA 22 (1927): it holds for few and for rare events, where rate - z * error falls below 0.
 */
export function wilsonLowerBound(count: number, of: number, z: number): number {
  if (count === 0 || of === 0) return 0;
  const rate = count / of;
  const half = z * Math.sqrt((rate * (1 - rate)) / of + (z * z) / (4 * of * of));
  return (rate + (z * z) / (2 * of) - half) / (1 + (z * z) / of);
}

/**
 * Lower bound of a mean by its standard error. Of distances, which have a long tail upwards, a mean that is too high by
 * chance comes with a deviation that is too high: the bound errs on the low side, so that chance breaches less.
 */
export const meanLowerBound = (mean: number, deviation: number, of: number, z: number): number => mean - (z * deviation) / Math.sqrt(of);

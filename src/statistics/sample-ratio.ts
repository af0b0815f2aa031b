import type { ChiSquared } from './chi-squared.ts';
import { upperGamma } from './upper-gamma.ts';

/** Below it the arms have other sizes than chance explains: an experiment that is looked at often must not be called broken easily. */
export const SAMPLE_RATIO_ALPHA = 0.001;

/**
 * Pearson's chi-squared test that entities came to the arms in the ratio of their shares. A mismatch says that some are
 * missing from an arm, whatever the reason, and that no comparison of the arms holds. Source: A. Fabijan et al., Diagnosing
 * sample ratio mismatch in online controlled experiments (KDD 2019).
 * @param entities by arm
 * @param shares by arm; their sum is what `entities` came from. Arms without a share are left out.
 */
export function sampleRatio(entities: readonly number[], shares: readonly number[]): ChiSquared {
  const arms = entities.map((count, i) => ({ count, share: shares[i] as number })).filter(({ share }) => share > 0);
  const total = arms.reduce((sum, { count }) => sum + count, 0);
  const whole = arms.reduce((sum, { share }) => sum + share, 0);
  if (total === 0 || arms.length < 2) return { statistic: 0, degreesOfFreedom: 0, pValue: 1 };
  const statistic = arms.reduce((sum, { count, share }) => {
    const expected = (total * share) / whole;
    return sum + (count - expected) ** 2 / expected;
  }, 0);
  const degreesOfFreedom = arms.length - 1;
  return { statistic, degreesOfFreedom, pValue: upperGamma(degreesOfFreedom / 2, statistic / 2) };
}

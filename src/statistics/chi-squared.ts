import { total } from './divergence.ts';
import { upperGamma } from './upper-gamma.ts';

export interface ChiSquared {
  readonly statistic: number;
  readonly degreesOfFreedom: number;
  /** Probability of a statistic at least as large where both counts have one source. */
  readonly pValue: number;
}

/**
 * Pearson's chi-squared test that two counts over the same bins have one source (a 2 x k contingency
 * table, no continuity correction). Bins that are empty on both sides are left out; a comparison
 * without two bins or with an empty side has statistic 0 and p-value 1. The p-value is asymptotic:
 * wanting, by custom, five expected in each cell. Source: Pearson (1900); Agresti, Categorical Data
 * Analysis, section 3.2.
 */
export function chiSquared(reference: ArrayLike<number>, current: ArrayLike<number>): ChiSquared {
  const n = total(reference);
  const m = total(current);
  let statistic = 0;
  let bins = 0;
  for (let i = 0; i < reference.length; i++) {
    const a = reference[i] as number;
    const b = current[i] as number;
    if (a + b === 0) continue;
    bins++;
    statistic += cell(a, ((a + b) * n) / (n + m)) + cell(b, ((a + b) * m) / (n + m));
  }
  if (bins < 2 || n === 0 || m === 0) return { statistic: 0, degreesOfFreedom: 0, pValue: 1 };
  const degreesOfFreedom = bins - 1;
  return { statistic, degreesOfFreedom, pValue: upperGamma(degreesOfFreedom / 2, statistic / 2) };
}

const cell = (observed: number, expected: number): number =>
  expected === 0 ? 0 : (observed - expected) ** 2 / expected;

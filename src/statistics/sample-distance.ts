import { sortedFinite } from './quantile-edges.ts';

export interface KolmogorovSmirnov {
  /** Largest distance of the two empirical distribution functions, 0 to 1. */
  readonly statistic: number;
  /** Asymptotic probability of a distance at least as large where both samples have one source. */
  readonly pValue: number;
}

/** Terms of Kolmogorov's series; the terms fall faster than a geometric series. */
const KOLMOGOROV_TERMS = 100;

/**
 * Two-sample Kolmogorov-Smirnov test; ties are stepped over together and NaN is left out. The p-value
 * is Kolmogorov's limit with Stephens' correction for small samples (Numerical Recipes, section 14.3),
 * good from about four values on each side. Nothing on a side: statistic 0, p-value 1.
 */
export function kolmogorovSmirnov(
  reference: ArrayLike<number>,
  current: ArrayLike<number>,
): KolmogorovSmirnov {
  const a = sortedFinite(reference);
  const b = sortedFinite(current);
  if (a.length === 0 || b.length === 0) return { statistic: 0, pValue: 1 };
  let statistic = 0;
  walkBoth(a, b, (_value, belowA, belowB) => {
    statistic = Math.max(statistic, Math.abs(belowA - belowB));
  });
  const size = Math.sqrt((a.length * b.length) / (a.length + b.length));
  return { statistic, pValue: kolmogorovTail((size + 0.12 + 0.11 / size) * statistic) };
}

/**
 * Wasserstein distance of order one (earth mover's distance), in the unit of the values: the area
 * between the two empirical distribution functions. NaN is left out; 0 where a side is empty.
 * Source: Vallender, Calculation of the Wasserstein distance between distributions on the line (1974).
 */
export function wasserstein(reference: ArrayLike<number>, current: ArrayLike<number>): number {
  const a = sortedFinite(reference);
  const b = sortedFinite(current);
  if (a.length === 0 || b.length === 0) return 0;
  let area = 0;
  let previous = Math.min(a[0] as number, b[0] as number);
  let gap = 0;
  walkBoth(a, b, (value, belowA, belowB) => {
    // Nothing times an infinite stretch is nothing, not NaN.
    if (gap > 0) area += gap * (value - previous);
    gap = Math.abs(belowA - belowB);
    previous = value;
  });
  return area;
}

/** Visits each distinct value with both shares of values at or below it. */
function walkBoth(
  a: Float64Array,
  b: Float64Array,
  visit: (value: number, belowA: number, belowB: number) => void,
): void {
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const value = Math.min(a[i] ?? Infinity, b[j] ?? Infinity);
    while (i < a.length && (a[i] as number) <= value) i++;
    while (j < b.length && (b[j] as number) <= value) j++;
    visit(value, i / a.length, j / b.length);
  }
}

function kolmogorovTail(x: number): number {
  let sum = 0;
  for (let k = 1; k <= KOLMOGOROV_TERMS; k++) {
    const term = Math.exp(-2 * k * k * x * x);
    sum += k % 2 === 1 ? term : -term;
    if (term < 1e-16 * sum) return Math.min(1, Math.max(0, 2 * sum));
  }
  // Close to 0 the series does not converge; the tail is 1 there.
  return 1;
}

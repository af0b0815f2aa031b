import { normalQuantile } from '../contracts/lower-bounds.ts';
import { upperGamma } from './upper-gamma.ts';

/** Of the approximation that Newton's method begins with, whose error is below 4.5e-4: each step squares it. */
const NEWTON_STEPS = 3;

/** P(|Z| >= |z|) of a standard normal Z: the chi-squared distribution of z² with one degree of freedom. */
export const twoSidedP = (z: number): number => upperGamma(0.5, (z * z) / 2);

/** The z with P(|Z| >= z) = alpha, 0 < alpha < 1. */
export function twoSidedQuantile(alpha: number): number {
  let z = normalQuantile(alpha / 2);
  for (let step = 0; step < NEWTON_STEPS; step++) z += (twoSidedP(z) - alpha) / (2 * density(z));
  return z;
}

const density = (z: number): number => Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);

import { dyadicOf, exactSum, nearestDouble, nearestQuotient, type Dyadic } from './exact-arithmetic.ts';

/** A value and the time of its event, ms. */
export interface Timed {
  readonly value: number;
  readonly time: number;
}

/** ln 2 by its series, the sum of 1 / (n 2^n), times 2^SCALE_BITS. */
const SCALE_BITS = 256n;
const lnTwo = Array.from(
  { length: 260 },
  (_, i) => (1n << SCALE_BITS) / (BigInt(i + 1) << BigInt(i + 1)),
).reduce((sum, one) => sum + one);

/** Doubles nearest to (ln 2)^n / n!, of the terms that docs/features.md names. */
const coefficients: number[] = [];
for (let n = 0n, term = 1n << SCALE_BITS; n <= 16n; n++, term = (term * lnTwo) / (n << SCALE_BITS))
  coefficients.push(nearestDouble(term, 1n << SCALE_BITS));

/** Of a half-life the part that is over, and how many whole ones are. */
function partsOf(time: number, halfLifeMs: number): { readonly part: number; readonly whole: number } {
  const whole = Math.floor(time / halfLifeMs);
  return { part: (time - whole * halfLifeMs) / halfLifeMs, whole };
}

/** 2^part as docs/features.md defines it, by Horner's rule in doubles. */
export const partWeight = (part: number): number =>
  coefficients.reduceRight((sum, coefficient) => sum * part + coefficient, 0);

/** 2^(time / half-life) from the whole half-lives of another time, the later one, on: exactly. */
function weightOf(time: number, later: number, halfLifeMs: number): Dyadic {
  const { part, whole } = partsOf(time, halfLifeMs);
  const weight = dyadicOf(partWeight(part));
  return { integer: weight.integer, shift: weight.shift + BigInt(partsOf(later, halfLifeMs).whole - whole) };
}

function weightedSum(events: readonly Timed[], later: number, halfLifeMs: number): Dyadic {
  return exactSum(
    events.map((event) => {
      const [weight, value] = [weightOf(event.time, later, halfLifeMs), dyadicOf(event.value)];
      return { integer: weight.integer * value.integer, shift: weight.shift + value.shift };
    }),
  );
}

/** So many half-lives leave nothing in float32 of any number that a source takes. */
const HALF_LIVES_MAX = 1_000;

/** The double nearest to the sum of value times weight as of the moment, or 0 where float32 has no other. */
export function decayedSum(events: readonly Timed[], moment: number, halfLifeMs: number): number {
  const newest = Math.max(...events.map(({ time }) => time));
  if (moment - newest > HALF_LIVES_MAX * halfLifeMs) return 0;
  const sum = nearestQuotient(weightedSum(events, moment, halfLifeMs), 1n);
  return sum / partWeight(partsOf(moment, halfLifeMs).part);
}

/** The double nearest to the mean by weights. They stand in the same proportions at any moment: here that of the newest. */
export function decayedMean(events: readonly Timed[], halfLifeMs: number): number {
  const newest = Math.max(...events.map(({ time }) => time));
  const values = weightedSum(events, newest, halfLifeMs);
  const weights = weightedSum(
    events.map(({ time }) => ({ value: 1, time })),
    newest,
    halfLifeMs,
  );
  return nearestDouble(values.integer << weights.shift, weights.integer << values.shift);
}

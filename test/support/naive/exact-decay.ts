import { dyadicOf, exactSum, nearestDouble, nearestQuotient, type Dyadic } from './exact-arithmetic.ts';

/** A value and how long before the moment of the read it was, ms. */
export interface Aged {
  readonly value: number;
  readonly ageMs: number;
}

/**
 * 2^-(age / half-life): the part of a half-life that is left over is rounded to a double once, its whole ones are
 * not, however many they are.
 */
function weightOf({ ageMs }: Aged, halfLifeMs: number): Dyadic {
  const whole = Math.floor(ageMs / halfLifeMs);
  const rest = dyadicOf(2 ** -((ageMs - whole * halfLifeMs) / halfLifeMs));
  return { integer: rest.integer, shift: rest.shift + BigInt(whole) };
}

function weightedSum(events: readonly Aged[], halfLifeMs: number): Dyadic {
  return exactSum(
    events.map((event) => {
      const [weight, value] = [weightOf(event, halfLifeMs), dyadicOf(event.value)];
      return { integer: weight.integer * value.integer, shift: weight.shift + value.shift };
    }),
  );
}

/** So many half-lives leave nothing in float32 of any number that a source takes. */
const HALF_LIVES_MAX = 1_000;

/** The double nearest to the sum of value times weight, or 0 where float32 has no other. */
export function decayedSum(events: readonly Aged[], halfLifeMs: number): number {
  if (Math.min(...events.map(({ ageMs }) => ageMs)) > HALF_LIVES_MAX * halfLifeMs) return 0;
  return nearestQuotient(weightedSum(events, halfLifeMs), 1n);
}

/** The double nearest to the mean by weights. They stand in the same proportions at any moment: here that of the newest. */
export function decayedMean(events: readonly Aged[], halfLifeMs: number): number {
  const youngest = Math.min(...events.map(({ ageMs }) => ageMs));
  const aged = events.map(({ value, ageMs }) => ({ value, ageMs: ageMs - youngest }));
  const values = weightedSum(aged, halfLifeMs);
  const weights = weightedSum(
    aged.map(({ ageMs }) => ({ value: 1, ageMs })),
    halfLifeMs,
  );
  return nearestDouble(values.integer << weights.shift, weights.integer << values.shift);
}

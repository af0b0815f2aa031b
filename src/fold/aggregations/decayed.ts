import { decayedValue, decayedWeight } from '../intermediates/decayed-sum.ts';
import { powerOfTwo } from '../power-of-two.ts';
import type { AggregationAlgebra } from './aggregation-algebra.ts';

/*
 * An event weighs 2^-((T - its time) / half-life) as of the moment T. Where the state of a live read has run
 * ahead of T, T is the time of its newest event: nothing weighs more than 1.
 */

/** Sum of the weights of the events; 0 where there is none. */
export function decayedCount(halfLifeMs: number): AggregationAlgebra {
  return {
    prepare: 'event',
    intermediates: [decayedWeight(halfLifeMs)],
    finalize(slots, at, asOf, out, outAt) {
      const weights = at[0]!;
      out[outAt] = slots[weights]! === -Infinity ? 0 : sumAsOf(slots, weights, halfLifeMs, asOf);
    },
  };
}

/** Sum of the values that are not null, each times its event's weight; null where there is none. */
export function decayedSum(halfLifeMs: number): AggregationAlgebra {
  return {
    prepare: 'field',
    intermediates: [decayedValue(halfLifeMs)],
    finalize(slots, at, asOf, out, outAt) {
      const values = at[0]!;
      out[outAt] = slots[values]! === -Infinity ? NaN : sumAsOf(slots, values, halfLifeMs, asOf);
    },
  };
}

/** Mean of the values that are not null by the weights of their events; null where there is none. */
export function decayedMean(halfLifeMs: number): AggregationAlgebra {
  return {
    prepare: 'field',
    intermediates: [decayedWeight(halfLifeMs), decayedValue(halfLifeMs)],
    finalize(slots, at, _asOf, out, outAt) {
      // Both are of the same events, so in the same unit, whatever the moment of the read.
      out[outAt] = slots[at[0]!]! === -Infinity ? NaN : slots[at[1]! + 1]! / slots[at[0]! + 1]!;
    },
  };
}

/** A sum in units of 2^floor(newest / half-life) as one of weights as of the moment. */
function sumAsOf(slots: Float64Array, at: number, halfLifeMs: number, asOf: number): number {
  const newest = slots[at]!;
  const moment = Math.max(asOf, newest);
  // Whole half-lives apart from the rest of one: a quotient of some 1e9 half-lives since the epoch has no bits left for it.
  const halfLives = Math.floor(moment / halfLifeMs);
  const rest = (moment - halfLives * halfLifeMs) / halfLifeMs;
  return (slots[at + 1]! / powerOfTwo(rest)) * 2 ** (Math.floor(newest / halfLifeMs) - halfLives);
}

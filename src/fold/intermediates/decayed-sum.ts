import { addDoubleDouble, scaleDoubleDouble } from '../double-double.ts';
import { powerOfTwo } from '../power-of-two.ts';
import type { Intermediate } from './intermediate.ts';

/** What is added in hand, a double-double; used within one call. */
const term = new Float64Array(2);

/**
 * Sum over the events of weight or of weight times input, where an event of time t weighs 2^(t / half-life).
 * Three slots: the newest event time (-Infinity before the first), then the sum as a double-double (high,
 * low) in units of 2^floor(newest / half-life).
 *
 * Weights that grow from a fixed landmark, here the epoch, and are divided by that of the read's moment at
 * the read, are those of backward decay: Cormode, Shkapenyuk, Srivastava and Xu, "Forward decay: a practical
 * time decay model for streaming systems" (2009). The unit keeps them in the range of a double however short
 * the half-life; to change it is to multiply by a power of two, which is exact, so that the sum depends on
 * the order of arrival no more than any other.
 *
 * Values of nearly one time that nearly cancel leave the difference of their weights, of which a double has
 * few digits: so a weight is by definition a double, the same on every path (see powerOfTwo).
 */
function decayed(name: string, halfLifeMs: number, ofValue: boolean): Intermediate {
  return {
    name: `${name}(${halfLifeMs})`,
    width: 3,
    identity: [-Infinity, 0, 0],
    update(slots, at, inputs, input, times) {
      const eventTime = times[0]!;
      const halfLives = Math.floor(eventTime / halfLifeMs);
      term[0] = powerOfTwo((eventTime - halfLives * halfLifeMs) / halfLifeMs);
      term[1] = 0;
      // The exact product: values of one time that cancel leave nothing.
      if (ofValue) scaleDoubleDouble(term, 0, inputs[input]!);
      addTerm(slots, at, eventTime, halfLifeMs);
    },
    mergeTiles(into, intoAt, tiles, at, stride, count) {
      for (let i = 0, from = at; i < count; i++, from += stride) {
        if (tiles[from]! === -Infinity) continue;
        term[0] = tiles[from + 1]!;
        term[1] = tiles[from + 2]!;
        addTerm(into, intoAt, tiles[from]!, halfLifeMs);
      }
    },
  };
}

/** Sum of the weights of the inputs that are not null. */
export const decayedWeight = (halfLifeMs: number): Intermediate =>
  decayed('decayedWeight', halfLifeMs, false);

/** Sum of the inputs, each times its weight. */
export const decayedValue = (halfLifeMs: number): Intermediate => decayed('decayedValue', halfLifeMs, true);

/** Adds `term`, in units of 2^floor(time / half-life), to the slots at `at`. */
function addTerm(slots: Float64Array, at: number, time: number, halfLifeMs: number): void {
  const newest = slots[at]!;
  if (newest !== -Infinity) {
    const shift = Math.floor(time / halfLifeMs) - Math.floor(newest / halfLifeMs);
    if (shift > 0) scaleByPower(slots, at + 1, -shift);
    else if (shift < 0) scaleByPower(term, 0, shift);
  }
  if (time > newest) slots[at] = time;
  addDoubleDouble(slots, at + 1, term[0]!, term[1]!);
}

function scaleByPower(slots: Float64Array, at: number, exponent: number): void {
  const factor = 2 ** exponent;
  slots[at]! *= factor;
  slots[at + 1]! *= factor;
}

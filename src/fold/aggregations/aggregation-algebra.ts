import type { Intermediate } from '../intermediates/intermediate.ts';
import type { Sketch, SketchKind } from '../sketches/sketch.ts';

/**
 * How one kind of aggregation is computed. Prepare: the input that its intermediate results take from
 * an event. Update and merge: those of its intermediate results. Finalize: from merged slots to the
 * value.
 */
export interface AggregationAlgebra {
  /** `field`: the field's number, null where the event does not pass the condition. `event`: 1 where it passes. */
  readonly prepare: 'field' | 'event';
  readonly intermediates: readonly Intermediate[];
  /**
   * Writes the value to `out[outAt]`; NaN is null.
   * @param at where the slots of each intermediate begin, in the order of `intermediates`
   * @param asOf moment of the read, ms since the epoch
   */
  finalize(slots: Float64Array, at: Int32Array, asOf: number, out: Float64Array, outAt: number): void;
}

/** How an aggregation is computed whose intermediate result has no place in slots: one sketch in each tile. */
export interface SketchAlgebra {
  /** `hash`: 53 bits of the field's value of any type; `code`: a text as a number. Null where the event does not pass the condition. */
  readonly prepare: 'field' | 'hash' | 'code';
  readonly sketch: SketchKind;
  /** Which text the value is about, of a kind whose values are about texts; null where only its hash is known. */
  textOf?(sketch: Sketch): string | null;
  /** The same value from a sketch that can take inputs back; absent where there is none. */
  readonly reversible?: SketchAlgebra;
  /** From the merged sketch, which is of this kind, to the value; NaN is null. */
  estimate(sketch: Sketch): number;
}

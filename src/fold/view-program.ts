import type { JsonValue } from '../core/json.ts';
import type { CombinationKind } from '../define/aggregation.ts';
import type { FeatureView } from '../define/feature-view.ts';
import type { AggregationAlgebra, SketchAlgebra } from './aggregations/aggregation-algebra.ts';
import type { EventTest } from './compile-condition.ts';
import type { FreshnessRule } from './freshness-rule.ts';
import type { Intermediate } from './intermediates/intermediate.ts';
import type { Sketch, SketchKind } from './sketches/sketch.ts';
import type { TileLayout } from './tile-layout.ts';

/** A view, compiled: everything that can be decided once is decided here, so that the loops over events only follow it. */
export interface ViewProgram {
  readonly view: FeatureView;
  readonly name: string;
  readonly version: number;
  readonly partitions: number;
  /** In the order of the view's features: the order of every array of values. */
  readonly featureNames: readonly string[];
  /** Numbers that an event is prepared into. */
  readonly inputCount: number;
  /** Inputs that are 1 where the event passes a condition; all others are values of fields. */
  readonly eventInputs: readonly boolean[];
  readonly inputGroups: readonly InputGroup[];
  /** Input of a changing source's sign: below 0 where the row is taken back; -1 where events stay. */
  readonly signInput: number;
  /** Fields of the source that hold the entity's key, in its order. */
  readonly keyFields: readonly string[];
  /** Features that are made of two aggregations each, once all windows are read. */
  readonly combinations: readonly CombinationPlan[];
  /** Values of those aggregations in the read in hand; used within one call. */
  readonly partValues: Float64Array;
  /** One per distinct hop, ascending. */
  readonly resolutions: readonly Resolution[];
  /** Of the array of a state. */
  readonly layout: TileLayout;
  readonly longestWindowMs: number;
  /** Null where a state has no contract on its age. */
  readonly freshness: FreshnessRule | null;
  /** What makes two programs the same computation: take a digest of its canonical text. */
  readonly definition: JsonValue;
  /** 32 bits of the definition: marks states and frames, so that one written for another definition is refused. */
  readonly definitionHash: number;
}

/** Inputs under one condition. */
export interface InputGroup {
  /** Null: every event passes. */
  readonly test: EventTest | null;
  readonly inputs: readonly {
    readonly at: number;
    readonly field: string | null;
    readonly isHash: boolean;
    readonly isCode: boolean;
  }[];
}

/** The tiles of one hop: what every window of that hop is read from. */
export interface Resolution {
  /** Infinity for lifetime windows: every time then falls into tile 0. */
  readonly hopMs: number;
  readonly slotCount: number;
  /** Longest window of the hop and the grace: no read needs a tile that lies further back. */
  readonly retainMs: number;
  /** Slots of a tile without events. */
  readonly identity: Float64Array;
  readonly columns: readonly Column[];
  /** What an event does to each column; see `stepsOf`. */
  readonly steps: Int32Array;
  /** Parts of a tile beside its slots; none for most views. */
  readonly sketches: readonly SketchColumn[];
  /** Inputs of the columns and sketches: an event with none of them makes no tile. */
  readonly inputs: Int32Array;
  /** Ascending by length. */
  readonly windows: readonly WindowPlan[];
  /** Merged slots of the read in hand; used within one call. */
  readonly merged: Float64Array;
  /** Merged sketches of the read in hand, one per sketch column; used within one call. */
  readonly mergedSketches: readonly Sketch[];
}

/** One intermediate result of one input, at its place in a tile. */
export interface Column {
  readonly intermediate: Intermediate;
  readonly input: number;
  readonly offset: number;
}

/** One sketch of one input, at its place among a tile's. */
export interface SketchColumn {
  readonly kind: SketchKind;
  readonly input: number;
}

export interface WindowPlan {
  readonly windowMs: number;
  /** Columns that this window or a longer one needs. */
  readonly columns: readonly Column[];
  readonly features: readonly FeaturePlan[];
  /** Aggregations that only combinations read. */
  readonly parts: readonly FeaturePlan[];
  /** Places of the sketches that this window or a longer one needs. */
  readonly sketches: readonly number[];
  readonly estimates: readonly EstimatePlan[];
}

export interface FeaturePlan {
  readonly algebra: AggregationAlgebra;
  /** Where the slots of the algebra's intermediates begin in a tile. */
  readonly slots: Int32Array;
  /** Index in `featureNames`; of a part, in `partValues`. */
  readonly feature: number;
}

export interface EstimatePlan {
  readonly algebra: SketchAlgebra;
  /** Place of its sketch. */
  readonly sketch: number;
  readonly isPart: boolean;
  /** Index in `featureNames`; of a part, in `partValues`. */
  readonly feature: number;
}

export interface CombinationPlan {
  readonly kind: CombinationKind;
  /** Index in `featureNames`. */
  readonly feature: number;
  /** Indexes in `partValues`. */
  readonly first: number;
  readonly second: number;
}

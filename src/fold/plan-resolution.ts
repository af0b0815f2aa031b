import type { JsonValue } from '../core/json.ts';
import type { Aggregation } from '../define/aggregation.ts';
import type { AggregationAlgebra, SketchAlgebra } from './aggregations/aggregation-algebra.ts';
import type { Intermediate } from './intermediates/intermediate.ts';
import { stepsOf } from './update-tile.ts';
import type { Column, FeaturePlan, Resolution, SketchColumn, WindowPlan } from './view-program.ts';

/** How far before the newest known time of its state a read may still lie and see every tile of its windows. */
export const READ_GRACE_MS = 3_600_000;

/** A feature with its inputs numbered, before its slots have places. */
export interface PlannedFeature {
  /** Index in the view's order; of a part of a combination, in the order of all parts. */
  readonly feature: number;
  readonly isPart: boolean;
  readonly aggregation: Aggregation;
  readonly where: JsonValue;
  readonly windowMs: number;
  readonly hopMs: number;
  readonly computation: SlotComputation | SketchComputation;
}

interface SlotComputation {
  readonly algebra: AggregationAlgebra;
  readonly columns: readonly { readonly intermediate: Intermediate; readonly input: number }[];
}

interface SketchComputation {
  readonly sketchAlgebra: SketchAlgebra;
  readonly input: number;
}

/** Lays out the tiles of one hop and plans the reads of its windows. */
export function planResolution(hopMs: number, features: readonly PlannedFeature[]): Resolution {
  const columns: Column[] = [];
  const longestWindowOf = new Map<Column, number>();
  let slotCount = 0;
  const columnOf = (intermediate: Intermediate, input: number): Column => {
    const found = columns.find(
      (column) => column.intermediate.name === intermediate.name && column.input === input,
    );
    if (found !== undefined) return found;
    const column = { intermediate, input, offset: slotCount };
    slotCount += intermediate.width;
    columns.push(column);
    return column;
  };
  const placed = features.flatMap((feature) => {
    if (!('algebra' in feature.computation)) return [];
    const { algebra } = feature.computation;
    const own = feature.computation.columns.map(({ intermediate, input }) => columnOf(intermediate, input));
    for (const column of own) {
      longestWindowOf.set(column, Math.max(feature.windowMs, longestWindowOf.get(column) ?? 0));
    }
    return { ...feature, algebra, slots: Int32Array.from(own, (column) => column.offset) };
  });
  const sketches = placeSketches(features);
  const windowLengths = [...new Set(features.map((feature) => feature.windowMs))].sort((a, b) => a - b);
  const plansOf = (windowMs: number, isPart: boolean): readonly FeaturePlan[] =>
    placed
      .filter((feature) => feature.windowMs === windowMs && feature.isPart === isPart)
      .map(({ algebra, slots, feature }) => ({ algebra, slots, feature }));
  const windows = windowLengths.map((windowMs): WindowPlan => ({
    windowMs,
    columns: columns.filter((column) => (longestWindowOf.get(column) ?? 0) >= windowMs),
    features: plansOf(windowMs, false),
    parts: plansOf(windowMs, true),
    ...sketches.windowOf(windowMs),
  }));
  return {
    hopMs,
    slotCount,
    retainMs: (windowLengths.at(-1) ?? 0) + READ_GRACE_MS,
    identity: Float64Array.from(columns.flatMap((column) => column.intermediate.identity)),
    columns,
    steps: stepsOf(columns),
    sketches: sketches.columns,
    inputs: Int32Array.from(new Set([...columns, ...sketches.columns].map((column) => column.input))),
    windows,
    merged: new Float64Array(slotCount),
    mergedSketches: sketches.columns.map(({ kind }) => kind.create()),
  };
}

/** Gives each distinct pair of sketch and input a place; features that need the same share it. */
function placeSketches(features: readonly PlannedFeature[]): {
  columns: readonly SketchColumn[];
  windowOf(windowMs: number): Pick<WindowPlan, 'sketches' | 'estimates'>;
} {
  const columns: SketchColumn[] = [];
  const placed = features.flatMap(({ computation, feature, isPart, windowMs }) => {
    if ('algebra' in computation) return [];
    const { sketchAlgebra: algebra, input } = computation;
    const found = columns.findIndex(
      ({ kind, input: known }) => kind.name === algebra.sketch.name && known === input,
    );
    const sketch = found >= 0 ? found : columns.push({ kind: algebra.sketch, input }) - 1;
    return [{ windowMs, estimate: { algebra, sketch, feature, isPart } }];
  });
  return {
    columns,
    windowOf: (windowMs) => ({
      sketches: [
        ...new Set(placed.filter((one) => one.windowMs >= windowMs).map((one) => one.estimate.sketch)),
      ],
      estimates: placed.filter((one) => one.windowMs === windowMs).map((one) => one.estimate),
    }),
  };
}

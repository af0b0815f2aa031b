import { assertInvariant } from '../core/assert-invariant.ts';
import { SOURCE_PARTITIONS_MAX } from '../define/source.ts';
import { combine } from './combine.ts';
import { TileRun } from './tile-run.ts';
import type { Resolution, ViewProgram, WindowPlan } from './view-program.ts';

/** Offset of a fence that has let nothing through yet. */
const NOTHING_APPLIED = -1;

/**
 * The state of one key of one view.
 *
 * Time is cut into tiles of one hop, tile(t) = floor(t / hop), and the state keeps, per hop of the view,
 * the intermediate results of each tile that has events. A read as of T over a window W merges the tiles
 * from tile(T - W) to tile(T): the head of the window is exact, its tail moves by hops.
 *
 *     events     x   x x        x    x     xx  x
 *     tiles    |  2  |  1  |     |  2  |  3   |      (counts; the empty tile is not kept)
 *                  ^ tile(T - W)            ^ T
 *
 * The fence holds, per partition of the source, the highest offset that was applied: an event at or below
 * it changes nothing, so that a redelivery is harmless. All intermediate results are associative and
 * commutative, so partitions may interleave in any way, and late events fall into the tiles where they
 * belong. Tiles that no read at or after `newestKnownTime` - READ_GRACE_MS can need are dropped.
 */
export class ViewState {
  /** By partition of the source: highest source offset applied, -1 where none was. */
  fences: Float64Array;
  /** Newest known time of the events applied, ms since the epoch; -Infinity before the first. */
  newestKnownTime = -Infinity;
  /** One run per resolution of the program. */
  readonly runs: readonly TileRun[];

  constructor(fences: Float64Array, runs: readonly TileRun[]) {
    this.fences = fences;
    this.runs = runs;
  }
}

export function createState(program: ViewProgram): ViewState {
  const fences = new Float64Array(program.view.source.partitions).fill(NOTHING_APPLIED);
  return new ViewState(
    fences,
    program.resolutions.map(
      ({ slotCount, sketches }) =>
        new TileRun(
          slotCount,
          sketches.map(({ kind }) => kind),
        ),
    ),
  );
}

/** Makes a state that of a key without events again, without giving back its memory. */
export function clearState(state: ViewState): void {
  state.fences.fill(NOTHING_APPLIED);
  state.newestKnownTime = -Infinity;
  for (const run of state.runs) run.clear();
}

/** Effective event time and known time of the event in hand; used within one call. */
const times = new Float64Array(2);

/**
 * Applies one prepared event: `inputCount` numbers of `inputs` from `at`.
 * @param effectiveTime min(event time, known time), ms since the epoch
 * @returns false where the fence refuses it: it was applied before
 */
export function applyEvent(
  program: ViewProgram,
  state: ViewState,
  sourcePartition: number,
  sourceOffset: number,
  effectiveTime: number,
  knownTime: number,
  inputs: Float64Array,
  at: number,
): boolean {
  if (sourcePartition >= state.fences.length) growFences(state, sourcePartition);
  if (sourceOffset <= state.fences[sourcePartition]!) return false;
  state.fences[sourcePartition] = sourceOffset;
  foldEvent(program, state, effectiveTime, knownTime, inputs, at);
  return true;
}

/** Applies an event that is known to come once: history in any order, where a fence would refuse what is not in the order of offsets. */
export function foldEvent(
  program: ViewProgram,
  state: ViewState,
  effectiveTime: number,
  knownTime: number,
  inputs: Float64Array,
  at: number,
): void {
  if (knownTime > state.newestKnownTime) state.newestKnownTime = knownTime;
  times[0] = effectiveTime;
  times[1] = knownTime;
  const { resolutions } = program;
  for (let r = 0; r < resolutions.length; r++) {
    const resolution = resolutions[r]!;
    const run = state.runs[r]!;
    const tile = Math.floor(effectiveTime / resolution.hopMs);
    const oldest = Math.floor((state.newestKnownTime - resolution.retainMs) / resolution.hopMs);
    run.dropBefore(oldest);
    if (tile < oldest || !hasInput(resolution, inputs, at)) continue;
    const slots = run.slotsOf(tile, resolution.identity);
    const { columns } = resolution;
    for (let c = 0; c < columns.length; c++) {
      const column = columns[c]!;
      const input = at + column.input;
      // NaN is the only number that differs from itself: null.
      if (inputs[input] === inputs[input]) {
        column.intermediate.update(run.values, slots + column.offset, inputs, input, times);
      }
    }
    if (resolution.sketches.length > 0) addToSketches(resolution, run, slots, inputs, at);
  }
}

/**
 * Writes the features as of a moment to `out` from `at`, in the order of `featureNames`; NaN is null.
 * @param state null for a key without events
 * @param asOf ms since the epoch; reads before `newestKnownTime` - READ_GRACE_MS may miss dropped tiles
 */
export function readFeatures(
  program: ViewProgram,
  state: ViewState | null,
  asOf: number,
  out: Float64Array,
  at: number,
): void {
  const { resolutions } = program;
  for (let r = 0; r < resolutions.length; r++) {
    const resolution = resolutions[r]!;
    resolution.merged.set(resolution.identity);
    for (const sketch of resolution.mergedSketches) sketch.clear();
    readResolution(resolution, state === null ? null : state.runs[r]!, asOf, out, at, program.partValues);
  }
  const { combinations, partValues } = program;
  for (let c = 0; c < combinations.length; c++) {
    const { kind, feature, first, second } = combinations[c]!;
    out[at + feature] = combine(kind, partValues[first]!, partValues[second]!);
  }
}

/** Highest source offset applied, by partition of the source; partitions of which nothing was applied are absent. */
export function fenceOf(state: ViewState): Record<string, number> {
  const fence: Record<string, number> = {};
  state.fences.forEach((offset, partition) => {
    if (offset !== NOTHING_APPLIED) fence[partition] = offset;
  });
  return fence;
}

/** Windows come shortest first: each adds the tiles that reach further back than those merged already. */
function readResolution(
  resolution: Resolution,
  run: TileRun | null,
  asOf: number,
  out: Float64Array,
  at: number,
  partValues: Float64Array,
): void {
  const { hopMs, windows, merged, mergedSketches } = resolution;
  let end = run === null ? 0 : run.countBefore(Math.floor(asOf / hopMs) + 1);
  for (let w = 0; w < windows.length; w++) {
    const window = windows[w]!;
    if (run !== null && end > 0) {
      const start = run.countBefore(Math.floor((asOf - window.windowMs) / hopMs));
      const from = (run.first + start) * run.stride + 1;
      if (end > start) {
        for (const { intermediate, offset } of window.columns) {
          intermediate.mergeTiles(merged, offset, run.values, from + offset, run.stride, end - start);
        }
        if (window.sketches.length > 0) mergeSketches(resolution, window, run, start, end);
        end = start;
      }
    }
    for (const { algebra, slots, feature } of window.features)
      algebra.finalize(merged, slots, asOf, out, at + feature);
    for (const { algebra, slots, feature } of window.parts)
      algebra.finalize(merged, slots, asOf, partValues, feature);
    for (const { algebra, sketch, isPart, feature } of window.estimates) {
      const value = algebra.estimate(mergedSketches[sketch]!);
      if (isPart) partValues[feature] = value;
      else out[at + feature] = value;
    }
  }
}

/** @param slots where the slots of the event's tile begin */
function addToSketches(
  resolution: Resolution,
  run: TileRun,
  slots: number,
  inputs: Float64Array,
  at: number,
): void {
  const own = run.sketches[(slots - 1) / run.stride - run.first]!;
  resolution.sketches.forEach(({ input }, i) => {
    const value = inputs[at + input]!;
    if (value === value) own[i]!.add(value);
  });
}

/** Merges the tiles from the start-th in use to the one before the end-th. */
function mergeSketches(
  { mergedSketches }: Resolution,
  window: WindowPlan,
  run: TileRun,
  start: number,
  end: number,
): void {
  for (let n = start; n < end; n++) {
    for (const sketch of window.sketches) mergedSketches[sketch]!.merge(run.sketches[n]![sketch]!);
  }
}

function hasInput(resolution: Resolution, inputs: Float64Array, at: number): boolean {
  const wanted = resolution.inputs;
  for (let i = 0; i < wanted.length; i++) {
    const value = inputs[at + wanted[i]!];
    if (value === value) return true;
  }
  return false;
}

function growFences(state: ViewState, sourcePartition: number): void {
  assertInvariant(
    Number.isInteger(sourcePartition) && sourcePartition < SOURCE_PARTITIONS_MAX,
    `source partition ${sourcePartition} is below ${SOURCE_PARTITIONS_MAX}`,
  );
  const grown = new Float64Array(sourcePartition + 1).fill(NOTHING_APPLIED);
  grown.set(state.fences);
  state.fences = grown;
}

import { assertInvariant } from '../core/assert-invariant.ts';
import { SOURCE_PARTITIONS_MAX } from '../define/source.ts';
import { combine } from './combine.ts';
import { foldChange } from './fold-change.ts';
import type { Sketch } from './sketches/sketch.ts';
import { FENCE_COUNT, FIRST, hopAt, NEWEST_KNOWN_TIME, NEWEST_SLOTS, NEWEST_TILE, OLDEST } from './tile-layout.ts';
import { TileMemory } from './tile-memory.ts';
import type { TileRun } from './tile-run.ts';
import { updateTile } from './update-tile.ts';
import type { Resolution, ViewProgram, WindowPlan } from './view-program.ts';

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
export class ViewState extends TileMemory {
  /** Partition of the source at whose fence a row was taken back and the row in its place, if there is one, may follow; else -1. */
  openChange = -1;

  override clear(): void {
    super.clear();
    this.openChange = -1;
  }
}

export function createState(program: ViewProgram): ViewState {
  return new ViewState(program.layout, program.view.source.partitions);
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
  if (sourcePartition >= state.values[FENCE_COUNT]!) growFences(state, sourcePartition);
  const fence = program.layout.fencesAt + sourcePartition;
  if (sourceOffset <= state.values[fence]!) {
    if (!isSecondOfChange(program, state, sourcePartition, sourceOffset, inputs, at)) return false;
  }
  state.values[fence] = sourceOffset;
  if (program.signInput >= 0) state.openChange = inputs[at + program.signInput]! < 0 ? sourcePartition : -1;
  foldEvent(program, state, effectiveTime, knownTime, inputs, at);
  return true;
}

/** Applies an event of a log that is read once, from nothing, by ascending offsets of each source partition: the fence follows it and refuses nothing. */
export function applyLogged(
  program: ViewProgram,
  state: ViewState,
  sourcePartition: number,
  sourceOffset: number,
  effectiveTime: number,
  knownTime: number,
  inputs: Float64Array,
  at: number,
): void {
  if (sourcePartition >= state.values[FENCE_COUNT]!) growFences(state, sourcePartition);
  state.values[program.layout.fencesAt + sourcePartition] = sourceOffset;
  foldEvent(program, state, effectiveTime, knownTime, inputs, at);
}

/**
 * Whether an event at the fence is the row that an update put in place of the one just taken back: the two have one offset and
 * come one after the other. A redelivery brings both again, and its first row closes the change.
 */
function isSecondOfChange(
  program: ViewProgram,
  state: ViewState,
  sourcePartition: number,
  sourceOffset: number,
  inputs: Float64Array,
  at: number,
): boolean {
  if (program.signInput < 0 || inputs[at + program.signInput]! < 0) return false;
  return state.openChange === sourcePartition && sourceOffset === state.values[program.layout.fencesAt + sourcePartition];
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
  let { values } = state;
  if (knownTime > values[NEWEST_KNOWN_TIME]!) values[NEWEST_KNOWN_TIME] = knownTime;
  const newestKnownTime = values[NEWEST_KNOWN_TIME]!;
  times[0] = effectiveTime;
  times[1] = knownTime;
  if (program.signInput >= 0) {
    foldChange(program, state.runs, state.newestKnownTime, inputs, at, times);
    return;
  }
  const { resolutions } = program;
  for (let r = 0; r < resolutions.length; r++) {
    const resolution = resolutions[r]!;
    const hop = hopAt(r);
    const tile = Math.floor(effectiveTime / resolution.hopMs);
    const oldest = Math.floor((newestKnownTime - resolution.retainMs) / resolution.hopMs);
    // Nearly every event ends here, without a look at the oldest tile, which is not in the cache.
    if (oldest > values[hop + OLDEST]!) state.dropBefore(r, oldest);
    if (tile < oldest || !hasInput(resolution, inputs, at)) continue;
    let slots = values[hop + NEWEST_SLOTS]! | 0;
    if (tile !== values[hop + NEWEST_TILE]) {
      slots = state.slotsOf(r, tile, resolution.identity);
      ({ values } = state);
    }
    updateTile(resolution.steps, resolution.columns, values, slots, inputs, at, times);
    if (resolution.sketches.length > 0) addToSketches(resolution, state.runs[r]!, slots, inputs, at);
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
    readResolution(resolution, state, r, asOf, out, at, program.partValues);
  }
  const { combinations, partValues } = program;
  for (let c = 0; c < combinations.length; c++) {
    const { kind, feature, first, second } = combinations[c]!;
    out[at + feature] = combine(kind, partValues[first]!, partValues[second]!);
  }
}

/** Highest source offset applied, by partition of the source; partitions of which nothing was applied are absent. */
export function fenceOf({ values, layout }: ViewState): Record<string, number> {
  const fence: Record<string, number> = {};
  for (let partition = 0; partition < values[FENCE_COUNT]!; partition++) {
    const offset = values[layout.fencesAt + partition]!;
    if (offset >= 0) fence[partition] = offset;
  }
  return fence;
}

/** Windows come shortest first: each adds the tiles that reach further back than those merged already. */
function readResolution(
  resolution: Resolution,
  state: ViewState | null,
  r: number,
  asOf: number,
  out: Float64Array,
  at: number,
  partValues: Float64Array,
): void {
  const { hopMs, windows, merged, mergedSketches } = resolution;
  const stride = resolution.slotCount + 1;
  let end = state === null ? 0 : state.countBefore(r, Math.floor(asOf / hopMs) + 1);
  for (let w = 0; w < windows.length; w++) {
    const window = windows[w]!;
    if (state !== null && end > 0) {
      const { values } = state;
      const start = state.countBefore(r, Math.floor((asOf - window.windowMs) / hopMs));
      const from = ((values[hopAt(r) + FIRST]! | 0) + start) * stride + 1;
      if (end > start) {
        for (const { intermediate, offset } of window.columns) {
          intermediate.mergeTiles(merged, offset, values, from + offset, stride, end - start);
        }
        if (window.sketches.length > 0) mergeSketches(resolution, window, state.sketches[r]!, start, end);
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
  tiles: readonly Sketch[][],
  start: number,
  end: number,
): void {
  for (let n = start; n < end; n++) {
    for (const sketch of window.sketches) mergedSketches[sketch]!.merge(tiles[n]![sketch]!);
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
  state.growFences(sourcePartition + 1);
}

import { assertInvariant } from '../core/assert-invariant.ts';
import { readFresh } from './fresh-read.ts';
import type { ViewProgram } from './view-program.ts';
import { createState, foldEvent, readFeatures } from './view-state.ts';

/** Prepared events of one view as columns; row i is one event, each event once. */
export interface EventColumns {
  /** Entity key; null where the event belongs to no entity of the view. */
  readonly keys: readonly (string | null)[];
  /** min(event time, known time), ms since the epoch. */
  readonly effectiveTime: Float64Array;
  readonly knownTime: Float64Array;
  /** Row-major, `inputCount` a row. */
  readonly inputs: Float64Array;
}

/** Which keys are read as of which moments, ms since the epoch; a null key is one without events. */
export interface Spine {
  readonly keys: readonly (string | null)[];
  readonly asOf: Float64Array;
}

/**
 * Reads the features of every row of the spine as of its moment: the same fold that serves, applied to
 * history. Events and rows may come in any order.
 *
 * One key after the other, so that a state stays in the processor's cache: its events are applied in the
 * order of known time, and a row as of T is read after those known at or before T and before any later.
 * @param out row-major in the order of the spine, `featureNames.length` a row; NaN is null
 * @param stale set to 1 for each row whose read breaks the view's contract on ages
 */
export function foldAsOf(
  program: ViewProgram,
  events: EventColumns,
  spine: Spine,
  out: Float64Array,
  stale?: Uint8Array,
): void {
  const featureCount = program.featureNames.length;
  assertInvariant(
    out.length >= spine.asOf.length * featureCount,
    `there is room for ${spine.asOf.length} rows of ${featureCount} features`,
  );
  const keyIds = numberKeys(spine.keys);
  const rowsByKey = groupByKey(spine.keys, orderOf(spine.asOf), keyIds);
  const eventsByKey = groupByKey(events.keys, orderOf(events.knownTime), keyIds);
  for (let key = 0; key < keyIds.size; key++) {
    const state = createState(program);
    let next = eventsByKey.starts[key]!;
    const eventsEnd = eventsByKey.starts[key + 1]!;
    for (let r = rowsByKey.starts[key]!; r < rowsByKey.starts[key + 1]!; r++) {
      const row = rowsByKey.members[r]!;
      const asOf = spine.asOf[row]!;
      for (; next < eventsEnd; next++) {
        const event = eventsByKey.members[next]!;
        const knownTime = events.knownTime[event]!;
        if (knownTime > asOf) break;
        const at = event * program.inputCount;
        foldEvent(program, state, events.effectiveTime[event]!, knownTime, events.inputs, at);
      }
      if (readFresh(program, state, asOf, out, row * featureCount) && stale !== undefined) stale[row] = 1;
    }
  }
  spine.keys.forEach((key, row) => {
    if (key === null) readFeatures(program, null, spine.asOf[row]!, out, row * featureCount);
  });
}

/** Distinct keys, numbered from 0. */
function numberKeys(keys: readonly (string | null)[]): Map<string, number> {
  const ids = new Map<string, number>();
  for (const key of keys) if (key !== null && !ids.has(key)) ids.set(key, ids.size);
  return ids;
}

/** Row numbers gathered by key: those of key k are members[starts[k]] to members[starts[k + 1] - 1]. */
interface RowsByKey {
  readonly starts: Uint32Array;
  readonly members: Uint32Array;
}

/** Counting sort that keeps the order of `order` within each key; rows of other keys are left out. */
function groupByKey(
  keys: readonly (string | null)[],
  order: Uint32Array,
  keyIds: ReadonlyMap<string, number>,
): RowsByKey {
  const idOfRow = new Int32Array(keys.length).fill(-1);
  const starts = new Uint32Array(keyIds.size + 1);
  keys.forEach((key, row) => {
    const id = key === null ? undefined : keyIds.get(key);
    if (id === undefined) return;
    idOfRow[row] = id;
    starts[id + 1]! += 1;
  });
  for (let id = 0; id < keyIds.size; id++) starts[id + 1]! += starts[id]!;
  const members = new Uint32Array(starts[keyIds.size]!);
  const next = starts.slice();
  for (const row of order) {
    const id = idOfRow[row]!;
    if (id >= 0) members[next[id]!++] = row;
  }
  return { starts, members };
}

/** Row numbers in ascending order of the times; as they are where they ascend already. */
function orderOf(times: Float64Array): Uint32Array {
  const order = new Uint32Array(times.length);
  let sorted = true;
  for (let i = 0; i < times.length; i++) {
    order[i] = i;
    if (i > 0 && times[i]! < times[i - 1]!) sorted = false;
  }
  return sorted ? order : order.sort((a, b) => times[a]! - times[b]!);
}

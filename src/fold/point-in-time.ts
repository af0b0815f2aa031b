import { assertInvariant } from '../core/assert-invariant.ts';
import type { ViewProgram } from './view-program.ts';
import { createState, foldEvent, readFeatures, type ViewState } from './view-state.ts';

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

/** Which keys are read as of which moments, ms since the epoch. */
export interface Spine {
  readonly keys: readonly (string | null)[];
  readonly asOf: Float64Array;
}

/** The fold of one view, read at past moments: events are applied in the order of their known times, and a read as of T comes after those known at or before T and before any later one. */
export class PointInTimeFold {
  readonly #program: ViewProgram;
  readonly #states = new Map<string, ViewState>();
  #newestKnownTime = -Infinity;

  constructor(program: ViewProgram) {
    this.#program = program;
  }

  /** Applies an event: `inputCount` numbers of `inputs` from `at`. Each event comes once; no fence is asked. */
  apply(entityKey: string, effectiveTime: number, knownTime: number, inputs: Float64Array, at: number): void {
    assertInvariant(
      knownTime >= this.#newestKnownTime,
      `events come in the order of known time, found ${knownTime} after ${this.#newestKnownTime}`,
    );
    this.#newestKnownTime = knownTime;
    let state = this.#states.get(entityKey);
    if (state === undefined) {
      state = createState(this.#program);
      this.#states.set(entityKey, state);
    }
    foldEvent(this.#program, state, effectiveTime, knownTime, inputs, at);
  }

  /** Writes the features of a key as of a moment not before the last event applied; null is the key without events. */
  read(entityKey: string | null, asOf: number, out: Float64Array, at: number): void {
    assertInvariant(
      asOf >= this.#newestKnownTime,
      `a read as of ${asOf} comes before the event known at ${this.#newestKnownTime}`,
    );
    const state = entityKey === null ? null : (this.#states.get(entityKey) ?? null);
    readFeatures(this.#program, state, asOf, out, at);
  }
}

/**
 * Reads the features of every row of the spine as of its moment, in one sweep over the events.
 * @param out row-major in the order of the spine, `featureNames.length` a row; NaN is null
 */
export function foldAsOf(program: ViewProgram, events: EventColumns, spine: Spine, out: Float64Array): void {
  const featureCount = program.featureNames.length;
  assertInvariant(
    out.length >= spine.asOf.length * featureCount,
    `there is room for ${spine.asOf.length} rows of ${featureCount} features`,
  );
  const fold = new PointInTimeFold(program);
  const eventOrder = orderOf(events.knownTime);
  const spineOrder = orderOf(spine.asOf);
  let next = 0;
  for (const row of spineOrder) {
    const asOf = spine.asOf[row]!;
    for (; next < eventOrder.length; next++) {
      const event = eventOrder[next]!;
      const knownTime = events.knownTime[event]!;
      if (knownTime > asOf) break;
      const key = events.keys[event];
      if (key === null || key === undefined) continue;
      fold.apply(key, events.effectiveTime[event]!, knownTime, events.inputs, event * program.inputCount);
    }
    fold.read(spine.keys[row] ?? null, asOf, out, row * featureCount);
  }
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

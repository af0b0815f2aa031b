import { assertInvariant } from '../core/assert-invariant.ts';
import { readFresh } from './fresh-read.ts';
import type { ViewProgram } from './view-program.ts';
import { createState, foldEvent, readFeatures, type ViewState } from './view-state.ts';

/** Rows to be read as of past moments, by numbered key: those of key k are members[starts[k]] to members[starts[k + 1] - 1], by moment. */
export interface KeyedSpine {
  readonly keyCount: number;
  /** Ms since the epoch, one a row. */
  readonly asOf: Float64Array;
  readonly starts: Uint32Array;
  readonly members: Uint32Array;
}

/** A state keeps the room that its key needed: few are worth it. */
const SPARE_STATES_MAX = 16;

/** Number of a row without a key: it reads as one without events. */
export const NO_KEY = -1;

/**
 * Groups rows by key, those of a key in ascending order of their moments.
 * @param keyIds one a row, from 0 to below `keyCount`, or `NO_KEY`
 */
export function groupSpine(keyIds: Int32Array, asOf: Float64Array, keyCount: number): KeyedSpine {
  const starts = new Uint32Array(keyCount + 1);
  for (const id of keyIds) if (id !== NO_KEY) starts[id + 1]! += 1;
  for (let id = 0; id < keyCount; id++) starts[id + 1]! += starts[id]!;
  const members = new Uint32Array(starts[keyCount]!);
  const next = starts.slice();
  keyIds.forEach((id, row) => {
    if (id !== NO_KEY) members[next[id]!++] = row;
  });
  for (let id = 0; id < keyCount; id++) sortByTime(members.subarray(starts[id], starts[id + 1]), asOf);
  return { keyCount, asOf, starts, members };
}

function sortByTime(rows: Uint32Array, asOf: Float64Array): void {
  for (let i = 1; i < rows.length; i++) {
    if (asOf[rows[i]!]! >= asOf[rows[i - 1]!]!) continue;
    rows.sort((a, b) => asOf[a]! - asOf[b]! || a - b);
    return;
  }
}

/**
 * Reads the features of rows as of their moments from the events of each key in the order of the time that decides
 * whether a row sees them: a row as of T is read after those at or before T and before any later. Keys may
 * interleave in any way. Holds the states of keys that still have rows to read, and no event.
 */
export class KeyedAsOfFold {
  readonly #program: ViewProgram;
  readonly #spine: KeyedSpine;
  readonly #out: Float64Array;
  readonly #stale: Uint8Array;
  readonly #states: (ViewState | null)[];
  /** By key: the next of its rows to be read. */
  readonly #next: Uint32Array;
  readonly #latest: Float64Array;
  /** States of keys that are finished: events that come key after key need one in all. */
  readonly #spare: ViewState[] = [];

  /**
   * @param out row-major, `featureNames.length` a row; NaN is null
   * @param stale set to 1 for each row whose read breaks the view's contract on ages
   */
  constructor(program: ViewProgram, spine: KeyedSpine, out: Float64Array, stale: Uint8Array) {
    this.#program = program;
    this.#spine = spine;
    this.#out = out;
    this.#stale = stale;
    this.#states = new Array<ViewState | null>(spine.keyCount).fill(null);
    this.#next = spine.starts.slice(0, spine.keyCount);
    this.#latest = new Float64Array(spine.keyCount).fill(-Infinity);
  }

  /**
   * @param visibleAt the first moment that sees the event: its known time, or, for a read of what had happened, its effective time
   */
  add(key: number, effectiveTime: number, visibleAt: number, inputs: Float64Array, at: number): void {
    assertInvariant(visibleAt >= this.#latest[key]!, 'events of a key come in the order of their times');
    this.#latest[key] = visibleAt;
    this.#readBefore(key, visibleAt);
    if (this.#next[key] === this.#spine.starts[key + 1]) {
      this.#release(key);
      return;
    }
    const state = (this.#states[key] ??= this.#spare.pop() ?? createState(this.#program));
    foldEvent(this.#program, state, effectiveTime, visibleAt, inputs, at);
  }

  /** Reads the rows of a key that no later event has made be read. */
  finish(key: number): void {
    this.#readBefore(key, Infinity);
    this.#release(key);
  }

  /** Finishes every key, and the rows that have none. @param keyIds as `groupSpine` had them */
  finishAll(keyIds: Int32Array): void {
    for (let key = 0; key < this.#spine.keyCount; key++) this.finish(key);
    const width = this.#program.featureNames.length;
    keyIds.forEach((id, row) => {
      if (id === NO_KEY) readFeatures(this.#program, null, this.#spine.asOf[row]!, this.#out, row * width);
    });
  }

  #release(key: number): void {
    const state = this.#states[key]!;
    if (state === null) return;
    this.#states[key] = null;
    if (this.#spare.length >= SPARE_STATES_MAX) return;
    state.clear();
    this.#spare.push(state);
  }

  #readBefore(key: number, moment: number): void {
    const { asOf, members, starts } = this.#spine;
    const end = starts[key + 1]!;
    const width = this.#program.featureNames.length;
    for (let next = this.#next[key]!; next < end; next++) {
      const row = members[next]!;
      const time = asOf[row]!;
      if (time >= moment) {
        this.#next[key] = next;
        return;
      }
      if (readFresh(this.#program, this.#states[key]!, time, this.#out, row * width)) this.#stale[row] = 1;
    }
    this.#next[key] = end;
  }
}

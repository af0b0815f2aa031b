import { assertInvariant } from '../core/assert-invariant.ts';
import { readFresh } from './fresh-read.ts';
import type { Spine } from './point-in-time.ts';
import type { ViewProgram } from './view-program.ts';
import { createState, foldEvent, readFeatures, type ViewState } from './view-state.ts';

/**
 * `foldAsOf` for events that stream by: reads the features of the spine's rows as of their moments while it holds
 * the states of the spine's keys and no event. Events come in ascending order of the time that decides whether a row
 * sees them; a row as of T is read after those at or before T and before any later.
 */
export class AsOfFold {
  readonly #program: ViewProgram;
  readonly #spine: Spine;
  readonly #out: Float64Array;
  readonly #stale: Uint8Array;
  /** Rows in ascending order of their moments; those before `#next` have been read. */
  readonly #order: Uint32Array;
  readonly #states: Map<string, ViewState | null>;
  #next = 0;
  #latest = -Infinity;

  /**
   * @param out row-major in the order of the spine, `featureNames.length` a row; NaN is null
   * @param stale set to 1 for each row whose read breaks the view's contract on ages
   */
  constructor(program: ViewProgram, spine: Spine, out: Float64Array, stale: Uint8Array) {
    this.#program = program;
    this.#spine = spine;
    this.#out = out;
    this.#stale = stale;
    this.#order = Uint32Array.from(spine.asOf, (_, row) => row).sort(
      (a, b) => spine.asOf[a]! - spine.asOf[b]!,
    );
    this.#states = new Map(spine.keys.flatMap((key) => (key === null ? [] : [[key, null]])));
  }

  /** Whether some row asks for the key: other events need not be prepared. */
  asksFor(key: string): boolean {
    return this.#states.has(key);
  }

  /**
   * @param key one that `asksFor` knows
   * @param visibleAt the first moment that sees the event: its known time, or, for a read of what had happened, its effective time
   */
  add(key: string, effectiveTime: number, visibleAt: number, inputs: Float64Array, at: number): void {
    assertInvariant(visibleAt >= this.#latest, 'events come in the order of their times');
    this.#latest = visibleAt;
    this.#readBefore(visibleAt);
    let state = this.#states.get(key);
    if (state === undefined) return;
    if (state === null) this.#states.set(key, (state = createState(this.#program)));
    foldEvent(this.#program, state, effectiveTime, visibleAt, inputs, at);
  }

  /** Reads the rows that no later event has made be read. */
  finish(): void {
    this.#readBefore(Infinity);
  }

  #readBefore(moment: number): void {
    const { keys, asOf } = this.#spine;
    const width = this.#program.featureNames.length;
    for (; this.#next < this.#order.length; this.#next++) {
      const row = this.#order[this.#next]!;
      const time = asOf[row]!;
      if (time >= moment) return;
      const key = keys[row] ?? null;
      if (key === null) readFeatures(this.#program, null, time, this.#out, row * width);
      else if (readFresh(this.#program, this.#states.get(key) ?? null, time, this.#out, row * width))
        this.#stale[row] = 1;
    }
  }
}

import type { ViewProgram } from '../../../src/fold/compile-view.ts';
import { groupSpine, KeyedAsOfFold, NO_KEY } from '../../../src/fold/keyed-as-of-fold.ts';
import type { Spine } from '../../../src/fold/point-in-time.ts';

/** `KeyedAsOfFold` for a spine and events that name their keys. */
export class StreamedAsOf {
  readonly #fold: KeyedAsOfFold;
  readonly #ids: ReadonlyMap<string, number>;
  readonly #keyIds: Int32Array;

  constructor(program: ViewProgram, { keys, asOf }: Spine, out: Float64Array, stale: Uint8Array) {
    const distinct = [...new Set(keys)].filter((key) => key !== null);
    this.#ids = new Map(distinct.map((key, id) => [key, id]));
    this.#keyIds = Int32Array.from(keys, (key) => (key === null ? NO_KEY : this.#ids.get(key)!));
    this.#fold = new KeyedAsOfFold(program, groupSpine(this.#keyIds, asOf, distinct.length), out, stale);
  }

  /** Events of other keys are left out. */
  add(key: string | null, effectiveTime: number, visibleAt: number, inputs: Float64Array, at: number): void {
    const id = key === null ? undefined : this.#ids.get(key);
    if (id !== undefined) this.#fold.add(id, effectiveTime, visibleAt, inputs, at);
  }

  finish(): void {
    this.#fold.finishAll(this.#keyIds);
  }
}

import { prepareEvent, viewKeyOf, type ViewProgram } from '../../../src/fold/compile-view.ts';
import { groupSpine, KeyedAsOfFold, NO_KEY } from '../../../src/fold/keyed-as-of-fold.ts';
import type { Row } from '../../../src/define/field.ts';

/** Which keys are read as of which moments, ms since the epoch; a null key is one without events. */
export interface Spine {
  readonly keys: readonly (string | null)[];
  readonly asOf: Float64Array;
}

/** An event, and when it became visible. */
export interface StreamedEvent {
  readonly effectiveTime: number;
  readonly knownTime: number;
  readonly row: Row;
}

/**
 * `KeyedAsOfFold` for a spine that names its keys, over events in any order.
 * @returns row-major in the order of the spine, NaN is null; and 1 for each stale row
 */
export function streamedAsOf(
  program: ViewProgram,
  events: readonly StreamedEvent[],
  { keys, asOf }: Spine,
): { values: Float64Array; stale: Uint8Array } {
  const distinct = [...new Set(keys)].filter((key) => key !== null);
  const ids = new Map(distinct.map((key, id) => [key, id]));
  const keyIds = Int32Array.from(keys, (key) => (key === null ? NO_KEY : ids.get(key)!));
  const values = new Float64Array(keys.length * program.featureNames.length).fill(-1);
  const stale = new Uint8Array(keys.length);
  const fold = new KeyedAsOfFold(program, groupSpine(keyIds, asOf, distinct.length), values, stale);
  const inputs = new Float64Array(program.inputCount);
  for (const event of events.toSorted((a, b) => a.knownTime - b.knownTime)) {
    const key = viewKeyOf(program, event.row);
    const id = key === null ? undefined : ids.get(key);
    if (id === undefined) continue;
    prepareEvent(program, event.row, inputs, 0);
    fold.add(id, event.effectiveTime, event.knownTime, inputs, 0);
  }
  fold.finishAll(keyIds);
  return { values, stale };
}

import type { EventReader } from './event-reader.ts';
import type { OnlineReadPlan } from '../online-catalog.ts';
import { readAsOf, type SpineRow } from './read-as-of.ts';

/** A value that late events would have changed. */
export interface ModeDifference {
  /** Index in the spine that was given. */
  readonly row: number;
  readonly feature: string;
  readonly known: number | string | null;
  readonly happened: number | string | null;
}

/**
 * Reads rows in both modes and names the values in which they differ: a training set made of what had happened
 * would leak exactly those.
 * @throws MillraceError as `readAsOf`
 */
export async function compareModes(
  events: EventReader,
  plan: OnlineReadPlan,
  spine: readonly SpineRow[],
  dataCut: number,
): Promise<ModeDifference[]> {
  const known = await readAsOf(events, plan, spine, { mode: 'known', dataCut });
  const happened = await readAsOf(events, plan, spine, { mode: 'happened', dataCut });
  return known.values.flatMap((values, row) =>
    values.flatMap((value, f): ModeDifference[] => {
      const other = happened.values[row]?.[f] ?? null;
      return isSame(value, other) ? [] : [{ row, feature: plan.names[f]!, known: value, happened: other }];
    }),
  );
}

/** As a model sees them: sums in another order may differ in the last bit of float64. */
const isSame = (a: number | string | null, b: number | string | null): boolean =>
  typeof a === 'number' && typeof b === 'number' ? Math.fround(a) === Math.fround(b) : a === b;

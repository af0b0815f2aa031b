import { isStale } from '../fold/fresh-read.ts';
import type { ViewProgram } from '../fold/compile-view.ts';
import type { Queryable } from '../infra/postgres.ts';
import { readNewestKnown } from '../store/sql/newest-known.ts';
import type { TwinRow } from '../store/sql/view-twin.ts';
import type { Visibility } from '../store/sql/visible-events.ts';
import { witnessRows } from './skew-audit-witness.ts';

/**
 * Puts a view's contract on ages over values that were recomputed, in place: a row whose events are older than the
 * ttl has the values of no events, a stale one nulls where the view says so. A row without a key has no age.
 * @param values row-major, NaN is null
 */
export async function applyContract(
  db: Queryable,
  view: ViewProgram,
  rows: readonly TwinRow[],
  visibility: Visibility,
  values: Float64Array,
): Promise<void> {
  const { freshness } = view;
  if (freshness === null || (freshness.ttlMs === Infinity && freshness.onStale !== 'null')) return;
  const width = view.featureNames.length;
  const newest = await readNewestKnown(db, view.view, rows, visibility);
  const expired: number[] = [];
  for (const [i, row] of rows.entries()) {
    if (row.key.includes(null)) continue;
    const known = newest[i] as number;
    const ageMs = Number.isNaN(known) ? null : Math.max(0, row.asOf - known);
    const isExpired = ageMs !== null && ageMs > freshness.ttlMs;
    if (freshness.onStale === 'null' && isStale(view, isExpired ? null : ageMs))
      values.fill(NaN, i * width, (i + 1) * width);
    else if (isExpired) expired.push(i);
  }
  if (expired.length === 0) return;
  // No events at all, as the witness sees them: a fence that lets nothing through, with keys or without.
  const unseen = expired.map((i) => ({ ...(rows[i] as TwinRow), fence: {} }));
  const [none] = await witnessRows(db, view.view, unseen, ['fence']);
  expired.forEach((i, n) => values.set((none as Float64Array).subarray(n * width, (n + 1) * width), i * width));
}

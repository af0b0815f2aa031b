import type { Row } from '../../define/field.ts';
import type { Source } from '../../define/source.ts';
import { AsOfFold } from '../../fold/as-of-fold.ts';
import { requestKeyOf } from '../../fold/compile-service.ts';
import { prepareEvent, viewKeyOf, type ViewProgram } from '../../fold/compile-view.ts';
import type { Queryable } from '../../infra/postgres.ts';
import { valuesAssembler } from '../assemble-values.ts';
import { scanEvents, type LogFilter } from '../offline-log.ts';
import type { OnlineReadPlan } from '../online-catalog.ts';
import { fieldsOfView } from '../view-events.ts';

/**
 * Which events a row as of T sees. `known`: those known at T, as serving and training do. `happened`: those that had
 * happened by T, late ones included, as if each had been known the moment it happened: what `known` differs from it by
 * is a leak in any data set that was joined on event times.
 */
export type AsOfMode = 'known' | 'happened';

/** A row to be read: entity keys and request fields, and the moment, ms since the epoch. */
export interface SpineRow {
  readonly row: Row;
  readonly asOf: number;
}

export interface AsOfRequest {
  readonly mode: AsOfMode;
  /** What was known later does not exist, ms since the epoch. */
  readonly dataCut: number;
}

export interface AsOfRows {
  /** A row of values per row of the spine, in its order and in the order of the plan's names. */
  readonly values: readonly (readonly (number | string | null)[])[];
  /** Per view of the plan: rows whose state was older than its `maxAge`. */
  readonly stale: readonly number[];
}

/** Rows that are read together: what bounds the memory, since all else streams by. */
export const AS_OF_CHUNK_ROWS = 10_000;

/**
 * Reads the features of some rows as of their moments from the offline log, by the fold of training and serving. A stale
 * row of a view that refuses such reads is null there.
 *
 * Each source is scanned once, from the longest window before the earliest of the rows to the latest of them: give rows
 * that lie close in time. Memory holds the rows and the states of their keys, never the events.
 * @throws MillraceError STORE_UNAVAILABLE, STORE_QUERY_FAILED, FEATURE_ON_DEMAND_FAILED
 */
export async function readAsOf(
  db: Queryable,
  plan: OnlineReadPlan,
  spine: readonly SpineRow[],
  request: AsOfRequest,
): Promise<AsOfRows> {
  const asOf = Float64Array.from(spine, (one) => one.asOf);
  const reads = plan.views.map((view) => {
    const out = new Float64Array(spine.length * view.featureNames.length);
    const stale = new Uint8Array(spine.length);
    const keys = spine.map(({ row }) => requestKeyOf(view, row));
    return { view, out, stale, fold: new AsOfFold(view, { keys, asOf }, out, stale) };
  });
  if (spine.length > 0) {
    for (const source of new Set(plan.views.map(({ view }) => view.source))) {
      await foldSource(
        db,
        source,
        reads.filter(({ view }) => view.view.source === source),
        asOf,
        request,
      );
    }
  }
  for (const { view, out, stale, fold } of reads) {
    fold.finish();
    if (view.freshness?.onStale === 'refuse') nullStale(view, out, stale);
  }
  const valuesOf = valuesAssembler(plan);
  const values = spine.map(({ row }, i) => {
    const viewValues = reads.map(({ view, out }) =>
      out.subarray(i * view.featureNames.length, (i + 1) * view.featureNames.length),
    );
    return valuesOf(viewValues, row, asOf[i]!);
  });
  return { values, stale: reads.map(({ stale }) => stale.reduce((sum, one) => sum + one, 0)) };
}

async function foldSource(
  db: Queryable,
  source: Source,
  reads: readonly { readonly view: ViewProgram; readonly fold: AsOfFold }[],
  asOf: Float64Array,
  { mode, dataCut }: AsOfRequest,
): Promise<void> {
  const earliest = asOf.reduce((a, b) => Math.min(a, b), Infinity);
  const latest = asOf.reduce((a, b) => Math.max(a, b), -Infinity);
  // Nothing is known before it happened, so a bound on known times leaves out no event that happened after it.
  const reach = Math.max(...reads.map(({ view }) => reachMs(view)));
  const from = reach === Infinity ? {} : { knownAfter: earliest - reach - 1 };
  const filter: LogFilter =
    mode === 'known'
      ? { ...from, knownTo: Math.min(latest, dataCut), order: 'known' }
      : { ...from, knownTo: dataCut, happenedTo: latest, order: 'happened' };
  const fields = [...new Set(reads.flatMap(({ view }) => fieldsOfView(view)))];
  const inputs = new Float64Array(Math.max(...reads.map(({ view }) => view.inputCount)));
  await scanEvents(db, source, fields, filter, ({ row, effectiveTime, knownTime }) => {
    const visibleAt = mode === 'known' ? knownTime : effectiveTime;
    for (const { view, fold } of reads) {
      const key = viewKeyOf(view, row);
      if (key === null || !fold.asksFor(key)) continue;
      prepareEvent(view, row, inputs, 0);
      fold.add(key, effectiveTime, visibleAt, inputs, 0);
    }
  });
}

/** How long before a row's moment an event can have become known and still change a feature, or whether one is stale; Infinity for a lifetime. */
export function reachMs({ longestWindowMs, resolutions, freshness }: ViewProgram): number {
  const ages = freshness === null ? [] : [freshness.maxAgeMs, freshness.ttlMs].filter(Number.isFinite);
  return Math.max(longestWindowMs + (resolutions.at(-1)?.hopMs ?? 0), ...ages);
}

function nullStale(view: ViewProgram, out: Float64Array, stale: Uint8Array): void {
  const width = view.featureNames.length;
  stale.forEach((isStale, row) => {
    if (isStale === 1) out.fill(NaN, row * width, (row + 1) * width);
  });
}

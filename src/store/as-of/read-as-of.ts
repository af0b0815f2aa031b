import type { ViewProgram } from '../../fold/compile-view.ts';
import { valuesAssembler } from '../assemble-values.ts';
import type { OnlineReadPlan } from '../online-catalog.ts';
import type { AsOfRequest, SpineRow } from './as-of-mode.ts';
import type { EventReader } from './event-reader.ts';
import { readChunk, type ViewValues } from './read-chunk.ts';
import { ChunkBuilder, groupKeyOf, groupViews } from './view-groups.ts';

export interface AsOfRows {
  /** A row of values per row of the spine, in its order and in the order of the plan's names. */
  readonly values: readonly (readonly (number | string | null)[])[];
  /** Per view of the plan: rows whose state was older than its `maxAge`. */
  readonly stale: readonly number[];
}

/** Rows that a program's stream of rows is read by. */
export const AS_OF_CHUNK_ROWS = 10_000;

/**
 * Reads the features of some rows as of their moments, by the fold of training and serving. A stale row of a view that
 * refuses such reads is null there.
 *
 * Each source is scanned once, from the longest window before the earliest of the rows to the latest of them: give rows
 * that lie close in time.
 * @throws MillraceError STORE_UNAVAILABLE, STORE_QUERY_FAILED, FEATURE_SPINE_INVALID, FEATURE_ON_DEMAND_FAILED
 */
export async function readAsOf(
  events: EventReader,
  plan: OnlineReadPlan,
  spine: readonly SpineRow[],
  request: AsOfRequest,
): Promise<AsOfRows> {
  const reads = await readViews(events, plan.views, spine, request);
  const valuesOf = valuesAssembler(plan);
  const values = spine.map(({ row, asOf }, i) => {
    const viewValues = plan.views.map(({ featureNames: { length } }, v) =>
      reads[v]!.values.subarray(i * length, (i + 1) * length),
    );
    return valuesOf(viewValues, row, asOf);
  });
  return { values, stale: reads.map(({ stale }) => stale.reduce((sum, one) => sum + one, 0)) };
}

/** The features of each view for the rows of a spine, as columns: `readAsOf` without a row's values put together. */
export async function readViews(
  events: EventReader,
  views: readonly ViewProgram[],
  spine: readonly SpineRow[],
  request: AsOfRequest,
): Promise<ViewValues[]> {
  const reads = new Array<ViewValues>(views.length);
  for (const group of groupViews(views)) {
    const builder = new ChunkBuilder();
    for (const { row, asOf } of spine) builder.add(groupKeyOf(group, row), asOf);
    const members = group.members.map((view) => views[view]!);
    const found = await readChunk(events, members, builder.build(), request);
    found.forEach((values, i) => (reads[group.members[i]!] = values));
  }
  return reads;
}

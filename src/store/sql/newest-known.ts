import type { FeatureView } from '../../define/feature-view.ts';
import type { Queryable } from '../../infra/postgres.ts';
import { quoteIdentifier as quote } from '../../infra/postgres.ts';
import { logRelation } from '../cold-log/log-relation.ts';
import { twinSpine, type TwinRow } from './view-twin.ts';
import type { Visibility } from './visible-events.ts';

/**
 * Of each row the newest known time of its entity's events that the read saw, in a window or not, ms since the epoch;
 * NaN where there is none. Reads all of the source's log: only views with a contract on ages need it.
 */
export async function readNewestKnown(
  db: Queryable,
  view: FeatureView,
  rows: readonly TwinRow[],
  visibility: Visibility,
): Promise<Float64Array> {
  const newest = new Float64Array(rows.length).fill(NaN);
  const { sql, values } = twinSpine(view, rows, visibility);
  const visible = {
    known: 'millrace.epoch_ms(l.known_time) <= w."as of ms"',
    fence: 'l.source_offset <= w."fence"[l.source_partition + 1]',
  };
  const joins = [
    ...view.entity.keys.map((key) => `l.${quote(view.keyFields[key] ?? key)} = w.${quote(key)}`),
    visible[visibility],
  ];
  const found = await db.queryArrays(
    `WITH w AS (${sql})
     SELECT w."spine row", max(millrace.epoch_ms(l.known_time))::float8
     FROM w JOIN ${logRelation(db, view.source.name)} l ON ${joins.join(' AND ')}
     GROUP BY 1`,
    values,
  );
  for (const [row, ms] of found) newest[row as number] = ms as number;
  return newest;
}

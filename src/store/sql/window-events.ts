import { aggregationsOf, type Aggregation, type ViewFeature } from '../../define/aggregation.ts';
import type { FeatureView } from '../../define/feature-view.ts';
import { quoteIdentifier as quote, type Queryable } from '../../infra/postgres.ts';
import { logRelation } from '../cold-log/log-relation.ts';
import { conditionSql } from './condition-sql.ts';
import { columnSql } from './event-columns.ts';
import { fenceArray, type TwinRow } from './view-twin.ts';
import { sqlWindow, windowEnd, windowStart } from './view-windows.ts';

export interface WindowEvents {
  /** How many events of the window the read had seen. */
  readonly count: number;
  /** [source partition, source offset], newest event time first. */
  readonly newest: readonly (readonly [number, number])[];
}

/** The events that a read up to a fence computed one feature, or the first part of it, from: where to look when it is wrong. */
export async function readWindowEvents(
  db: Queryable,
  view: FeatureView,
  feature: string,
  { key, asOf, fence }: TwinRow,
  listedMax: number,
): Promise<WindowEvents> {
  const found: ViewFeature | undefined = view.features[feature];
  if (found === undefined) return { count: 0, newest: [] };
  const [aggregation] = aggregationsOf(found) as [Aggregation];
  const window = sqlWindow(aggregation);
  const effective = 'millrace.epoch_ms(l.effective_time)';
  const tests = [
    // A lifetime's bounds don't name the moment.
    '$1::bigint IS NOT NULL',
    `${effective} >= ${windowStart('$1::bigint', window)}`,
    `${effective} < ${windowEnd('$1::bigint', window)}`,
    'l.source_offset <= ($2::bigint[])[l.source_partition + 1]',
    ...view.entity.keys.map((name, k) => `l.${quote(view.keyFields[name] ?? name)} = $${k + 4}`),
    ...conditionSql(aggregation.where, (field) => columnSql(view.source, field)),
    ...(aggregation.field === null ? [] : [`l.${quote(aggregation.field)} IS NOT NULL`]),
  ];
  const rows = await db.query<{ partition: number; offset: number; count: number }>(
    `SELECT l.source_partition AS partition, l.source_offset::float8 AS offset, count(*) OVER ()::int AS count
     FROM ${logRelation(db, view.source.name)} l WHERE ${tests.join(' AND ')}
     ORDER BY l.effective_time DESC, l.known_time DESC, l.source_partition, l.source_offset LIMIT $3`,
    [asOf, fenceArray(fence ?? {}), listedMax, ...key],
  );
  return { count: rows[0]?.count ?? 0, newest: rows.map(({ partition, offset }) => [partition, offset]) };
}

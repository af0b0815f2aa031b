import type { Aggregation } from '../../define/aggregation.ts';
import { CHANGE_SIGN } from '../../define/change-fields.ts';
import type { FeatureView } from '../../define/feature-view.ts';
import { quoteIdentifier as quote } from '../../infra/postgres.ts';
import { TIMESTAMP_MS_MIN } from '../copy-binary.ts';
import { logTable } from '../log-table.ts';
import { conditionSql } from './condition-sql.ts';
import { eventColumns, exactOf, valueOf } from './event-columns.ts';
import { sqlFeaturesOf } from './sql-aggregate-of.ts';
import type { SqlAggregate } from './sql-aggregate.ts';
import { sqlWindow, stretchMs, windowsOfView } from './view-windows.ts';

/** What an event must be for a read to see it, besides lying in a window. */
export type Visibility =
  /** Known at or before the read's moment. */
  | 'known'
  /** Not beyond the fence of its source partition. */
  | 'fence';

export interface ViewQuery {
  /**
   * A query of the moments that are read: "spine row" (int), "as of ms" (bigint), one text per entity key, and for
   * `fence` a bigint[] "fence" by source partition, from 0; a missing one has let nothing through.
   */
  readonly spine: string;
  readonly visibility: Visibility;
  /** What is selected before the features, of a spine row `w`. */
  readonly lead: readonly string[];
  /** Joins by key and stretch of time: for many rows over much history. */
  readonly bucketed: boolean;
}

/** Bounds that only spare work are wider than they must be: far from the epoch PostgreSQL rounds their product. */
const SLACK_MS = 1_000;

/**
 * The features of a view over the raw rows of its source's offline log, one row per spine row, double precision
 * in the order of the view: docs/features.md in SQL.
 * @throws MillraceError FEATURE_SQL_UNSUPPORTED
 */
export function viewQuery(view: FeatureView, query: ViewQuery): string {
  const { keys } = view.entity;
  const features = sqlFeaturesOf(view).map(
    ({ name, aggregation, form }) => `  ${featureSql(view, aggregation, form)} AS ${quote(name)}`,
  );
  const visible = { known: 'e."known ms" <= w."as of ms"', fence: 'e.source_offset <= w."fence"[e.source_partition + 1]' };
  const joins = [
    ...keys.map((key) => `e.${quote(view.keyFields[key] ?? key)} = w.${quote(key)}`),
    ...(query.bucketed ? ['e."bucket" = w."bucket"'] : []),
    visible[query.visibility],
    'e."effective ms" >= w."from"',
    'e."effective ms" < w."to"',
  ];
  return [
    `WITH spine AS (\n${indent(query.spine)}\n),`,
    `windows AS (\n${indent(windowsSql(view, query.bucketed))}\n),`,
    `events AS MATERIALIZED (\n${indent(eventsSql(view, query))}\n)`,
    `SELECT\n${[...query.lead.map((lead) => `  ${lead}`), ...features].join(',\n')}`,
    `FROM windows w\nLEFT JOIN events e\n  ON ${joins.join('\n  AND ')}`,
    `GROUP BY w."spine row", w."as of ms"${keys.map((key) => `, w.${quote(key)}`).join('')}`,
    'ORDER BY w."spine row"',
  ].join('\n');
}

function featureSql(view: FeatureView, aggregation: Aggregation, form: SqlAggregate): string {
  const { from, to } = sqlWindow(aggregation);
  const filter = [
    `e."effective ms" >= w.${quote(from)}`,
    `e."effective ms" < w.${quote(to)}`,
    ...conditionSql(aggregation.where, (field) => `e.${quote(field)}`),
  ];
  return form.expression({
    value: valueOf(view.source, aggregation.field),
    exact: exactOf(view.source, aggregation.field),
    filter: filter.join(' AND '),
    sign: view.source.changes === true ? `e.${quote(CHANGE_SIGN)}` : null,
    asOfMs: 'w."as of ms"',
    effectiveMs: 'e."effective ms"',
    knownMs: 'e."known ms"',
  });
}

/** Bounds of every window, of all of them together, and the stretches of time that these touch. */
function windowsSql(view: FeatureView, bucketed: boolean): string {
  const windows = windowsOfView(view);
  const tos = new Map(windows.map(({ to, hopMs }) => [to, hopMs]));
  const bounds = [
    ...windows.map(
      ({ from, windowMs, hopMs }) =>
        `millrace.tile_start(spine."as of ms" - ${windowMs}, ${hopMs}) AS ${quote(from)}`,
    ),
    ...[...tos].map(([to, hopMs]) => `millrace.tile_start(spine."as of ms", ${hopMs}) + ${hopMs} AS ${quote(to)}`),
  ];
  const all = [
    `SELECT bounds.*, least(${windows.map(({ from }) => quote(from)).join(', ')}) AS "from",`,
    `  greatest(${[...tos.keys()].map(quote).join(', ')}) AS "to"`,
    `FROM (SELECT spine.*,\n    ${bounds.join(',\n    ')}\n  FROM spine) AS bounds`,
  ].join('\n');
  if (!bucketed) return all;
  const stretch = stretchMs(view);
  return [
    'SELECT reached.*, stretch."bucket"',
    `FROM (${all}) AS reached`,
    `CROSS JOIN generate_series("from" / ${stretch}, ("to" - 1) / ${stretch}) AS stretch("bucket")`,
  ].join('\n');
}

/** Events of the spine's entities that lie near enough, each field made ready once. */
function eventsSql(view: FeatureView, { bucketed, visibility }: ViewQuery): string {
  const moment = (ms: string): string => `(SELECT timestamptz 'epoch' + (${ms}) * interval '1 millisecond' FROM windows)`;
  const sourceKeys = view.entity.keys.map((key) => `l.${quote(view.keyFields[key] ?? key)}`);
  const columns = [
    'l.source_partition',
    'l.source_offset',
    'millrace.epoch_ms(l.effective_time) AS "effective ms"',
    'millrace.epoch_ms(l.known_time) AS "known ms"',
    ...eventColumns(view),
    ...(view.source.changes === true ? [`l.${quote(CHANGE_SIGN)}::int AS ${quote(CHANGE_SIGN)}`] : []),
    ...(bucketed ? [`millrace.epoch_ms(l.effective_time) / ${stretchMs(view)} AS "bucket"`] : []),
  ];
  const from = `greatest(min("from") - ${SLACK_MS}, ${TIMESTAMP_MS_MIN})`;
  return [
    `SELECT ${columns.join(',\n  ')}`,
    `FROM ${logTable(view.source.name)} l`,
    `WHERE l.effective_time >= ${moment(from)}`,
    `  AND l.effective_time < ${moment(`max("to") + ${SLACK_MS}`)}`,
    // An event is never effective after it is known: the index on known times has both bounds, or one.
    `  AND l.known_time >= ${moment(from)}`,
    ...(visibility === 'known' ? [`  AND l.known_time <= ${moment(`max("as of ms") + ${SLACK_MS}`)}`] : []),
    // A view without key fields is of all events.
    ...(sourceKeys.length === 0
      ? []
      : [`  AND (${sourceKeys.join(', ')}) IN (SELECT ${view.entity.keys.map(quote).join(', ')} FROM spine)`]),
  ].join('\n');
}

const indent = (sql: string): string =>
  sql
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');

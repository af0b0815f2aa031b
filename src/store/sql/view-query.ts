import type { FeatureView } from '../../define/feature-view.ts';
import { quoteIdentifier as quote } from '../../infra/postgres.ts';
import { featurePart, featureValue } from './feature-parts.ts';
import { sqlFeaturesOf, type SqlFeature } from './sql-aggregate-of.ts';
import { postgresDialect, type SqlDialect } from './sql-dialect.ts';
import { isVisible, viewEventsSql, type Visibility } from './visible-events.ts';
import { windowEnd, windowsOfView, windowStart } from './view-windows.ts';

export interface ViewQuery {
  /**
   * A query of the moments that are read: "spine row" (int), "as of ms" (bigint), one text per entity key, and for
   * `fence` a bigint[] "fence" by source partition, from 0; a missing one has let nothing through.
   */
  readonly spine: string;
  readonly visibility: Visibility;
  /** What is selected before the features, of a spine row `w`. */
  readonly lead: readonly string[];
}

/**
 * The features of a view over the raw rows of its source's offline log, one row per spine row, double precision
 * in the order of the view: docs/features.md in SQL, as a person reads it. `batchQuery` is for many rows.
 * @throws MillraceError FEATURE_SQL_UNSUPPORTED
 */
export function viewQuery(
  view: FeatureView,
  { spine, visibility, lead }: ViewQuery,
  dialect: SqlDialect = postgresDialect,
): string {
  const { keys } = view.entity;
  const features = sqlFeaturesOf(view, dialect).map((feature) => `  ${featureSql(view, feature)} AS ${quote(feature.name)}`);
  const joins = [
    ...keys.map((key) => `e.${quote(view.keyFields[key] ?? key)} = w.${quote(key)}`),
    isVisible[visibility],
    'e."effective ms" >= w."from"',
    'e."effective ms" < w."to"',
  ];
  return [
    `WITH spine AS (\n${indent(spine)}\n),`,
    `windows AS (\n${indent(windowsSql(view))}\n),`,
    `events AS MATERIALIZED (\n${indent(viewEventsSql(view, [visibility], dialect.relation(view.source.name), dialect))}\n)`,
    `SELECT\n${[...lead.map((column) => `  ${column}`), ...features].join(',\n')}`,
    `FROM windows w\nLEFT JOIN events e\n  ON ${joins.join('\n  AND ')}`,
    `GROUP BY w."spine row", w."as of ms"${keys.map((key) => `, w.${quote(key)}`).join('')}`,
    'ORDER BY w."spine row"',
  ].join('\n');
}

function featureSql(view: FeatureView, feature: SqlFeature): string {
  const values = feature.parts.map((part) => {
    const { parts, value } = featurePart(view, part, ({ from, to }) => [
      `e."effective ms" >= w.${quote(from)}`,
      `e."effective ms" < w.${quote(to)}`,
    ]);
    const aggregates = Object.entries(parts).map(([name, { aggregate }]) => [name, aggregate]);
    return value(Object.fromEntries(aggregates) as Record<string, string>, 'w."as of ms"');
  });
  return featureValue(feature, values);
}

/** Bounds of every window, and of all of them together. */
export function windowsSql(view: FeatureView): string {
  const windows = windowsOfView(view);
  const tos = new Map(windows.map((window) => [window.to, window]));
  const bounds = [
    ...windows.map((window) => `${windowStart('spine."as of ms"', window)} AS ${quote(window.from)}`),
    ...[...tos.values()].map((window) => `${windowEnd('spine."as of ms"', window)} AS ${quote(window.to)}`),
  ];
  return [
    `SELECT bounds.*, least(${windows.map(({ from }) => quote(from)).join(', ')}) AS "from",`,
    `  greatest(${[...tos.keys()].map(quote).join(', ')}) AS "to"`,
    `FROM (SELECT spine.*,\n    ${bounds.join(',\n    ')}\n  FROM spine) AS bounds`,
  ].join('\n');
}

export const indent = (sql: string): string =>
  sql
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');

import type { Fence } from '../../contracts/decision.ts';
import type { FeatureView } from '../../define/feature-view.ts';
import { quoteIdentifier as quote } from '../../infra/postgres.ts';
import { assertViewKey } from './assert-view-key.ts';
import { integerLiteral, textLiteral } from './literals.ts';
import { sqlFeaturesOf } from './sql-aggregate-of.ts';
import { postgresDialect, type SqlDialect } from './sql-dialect.ts';
import { viewQuery } from './view-query.ts';

export interface ReadableQuery {
  /** Whole ms since the epoch; null: now. */
  readonly asOf: number | null;
  /** Values of the entity's key fields in order; null: every entity that the log knows. */
  readonly key: readonly string[] | null;
  /** Up to these offsets by source partition, whenever they became known; null: what was known at `asOf`. */
  readonly fence: Fence | null;
}

/**
 * The features of a view as a query that a person can read, change and run in Millrace's database.
 * @throws MillraceError FEATURE_SQL_UNSUPPORTED, REQUEST_INVALID where the key does not fit the entity
 */
export function readableQuery(
  view: FeatureView,
  query: ReadableQuery,
  dialect: SqlDialect = postgresDialect,
): string {
  if (query.key !== null) assertViewKey(view, query.key);
  const { keys } = view.entity;
  const sources = keys.map((key) => view.keyFields[key] ?? key);
  const asOf = query.asOf === null ? 'millrace.epoch_ms(now())' : `${integerLiteral(query.asOf)}::bigint`;
  const fence = query.fence === null ? [] : [`${textLiteral(dialect.fenceText(query.fence))}::bigint[] AS "fence"`];
  const spine =
    query.key === null && keys.length > 0
      ? [
          `SELECT ${[`row_number() OVER ()::int AS "spine row"`, `${asOf} AS "as of ms"`, ...keys.map(quote), ...fence].join(', ')}`,
          `FROM (SELECT DISTINCT ${sources.map((field, k) => `${quote(field)} AS ${quote(keys[k] ?? field)}`).join(', ')}`,
          `  FROM ${dialect.relation(view.source.name)}`,
          `  WHERE ${sources.map((field) => `${quote(field)} IS NOT NULL`).join(' AND ')}) AS entities`,
        ].join('\n')
      : `SELECT ${[
          '1 AS "spine row"',
          `${asOf} AS "as of ms"`,
          ...(query.key ?? []).map((value, k) => `${textLiteral(value)} AS ${quote(keys[k] ?? '')}`),
          ...fence,
        ].join(', ')}`;
  const text = viewQuery(view, {
    spine,
    visibility: query.fence === null ? 'known' : 'fence',
    lead: [
      ...keys.map((key) => `w.${quote(key)}`),
      `${dialect.moment('w."as of ms"')} AS "as of"`,
    ],
  }, dialect);
  return `${header(view, query)}\n${text};\n`;
}

function header(view: FeatureView, { asOf, key, fence }: ReadableQuery): string {
  const moment = asOf === null ? 'now' : new Date(asOf).toISOString();
  const seen =
    fence === null
      ? `what was known at that moment`
      : `the events up to offsets ${JSON.stringify(fence)} of their source partitions`;
  const scope =
    view.entity.keys.length === 0 ? 'of all events' : key === null ? 'for every entity' : 'for one entity';
  return [
    `-- Feature view '${view.name}', version ${view.version}: ${view.entity.name} over source '${view.source.name}'.`,
    `-- As of ${moment}, ${seen}, ${scope}.`,
    '-- A window reaches from the start of tile(T - W) to the end of tile(T); the functions are in Millrace\'s schema.',
    ...estimated(view),
  ].join('\n');
}

/** What the fold, and so serving, only estimates. */
function estimated(view: FeatureView): string[] {
  const names = sqlFeaturesOf(view)
    .filter(({ parts }) => parts.some(({ form }) => form.estimates))
    .map(({ name }) => name);
  return names.length === 0
    ? []
    : [`-- Exact here, estimated where they are served: ${names.join(', ')}.`];
}

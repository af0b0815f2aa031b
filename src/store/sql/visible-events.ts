import { CHANGE_SIGN } from '../../define/change-fields.ts';
import type { FeatureView } from '../../define/feature-view.ts';
import { quoteIdentifier as quote } from '../../infra/postgres.ts';
import { TIMESTAMP_MS_MIN } from '../copy-binary.ts';
import { eventColumns } from './event-columns.ts';
import { postgresDialect, type SqlDialect } from './sql-dialect.ts';

/** What an event must be for a read to see it, besides lying in a window. */
export type Visibility =
  /** Known at or before the read's moment. */
  | 'known'
  /** Not beyond the fence of its source partition. */
  | 'fence';

/** Whether the read of a spine row `w` sees an event `e`. */
export const isVisible: Readonly<Record<Visibility, string>> = {
  known: 'e."known ms" <= w."as of ms"',
  fence: 'e.source_offset <= w."fence"[e.source_partition + 1]',
};

/** Bounds that only spare work are wider than they must be: far from the epoch PostgreSQL rounds their product. */
const SLACK_MS = 1_000;

/**
 * Events of the entities of a `spine` that lie near enough to one of its `windows`, each field made ready once.
 * @param visibilities how they will be read: an event that is visible in none of these ways is left out where that is cheap
 * @param relation what the source's raw rows are read from
 */
export function viewEventsSql(
  view: FeatureView,
  visibilities: readonly Visibility[],
  relation: string,
  dialect: SqlDialect = postgresDialect,
): string {
  const moment = (ms: string): string => `(SELECT ${dialect.moment(`(${ms})`)} FROM windows)`;
  const sourceKeys = view.entity.keys.map((key) => `l.${quote(view.keyFields[key] ?? key)}`);
  const columns = [
    'l.source_partition',
    'l.source_offset',
    'millrace.epoch_ms(l.effective_time) AS "effective ms"',
    'millrace.epoch_ms(l.known_time) AS "known ms"',
    ...eventColumns(view, dialect),
    ...(view.source.changes === true ? [`l.${quote(CHANGE_SIGN)}::int AS ${quote(CHANGE_SIGN)}`] : []),
  ];
  const from = `greatest(min("from") - ${SLACK_MS}, ${TIMESTAMP_MS_MIN})`;
  return [
    `SELECT ${columns.join(',\n  ')}`,
    `FROM ${relation} l`,
    `WHERE l.effective_time >= ${moment(from)}`,
    `  AND l.effective_time < ${moment(`max("to") + ${SLACK_MS}`)}`,
    // An event is never effective after it is known: the index on known times has both bounds, or one.
    `  AND l.known_time >= ${moment(from)}`,
    ...(visibilities.includes('fence')
      ? []
      : [`  AND l.known_time <= ${moment(`max("as of ms") + ${SLACK_MS}`)}`]),
    // Of a view of all events none is left out.
    ...(sourceKeys.length === 0
      ? []
      : [`  AND (${sourceKeys.join(', ')}) IN (SELECT ${view.entity.keys.map(quote).join(', ')} FROM spine)`]),
  ].join('\n');
}

import type { FeatureView } from '../../../src/define/feature-view.ts';
import type { Source } from '../../../src/define/source.ts';
import { quoteIdentifier, type Postgres } from '../../../src/infra/postgres.ts';
import type { NaiveEvent } from '../naive-features.ts';

/** A row of an offline log with its coordinates. */
export interface LoggedEvent extends NaiveEvent {
  readonly sourcePartition: number;
  readonly sourceOffset: number;
}

/** Rows that one statement answers; bounds what the driver holds at once. */
const PAGE_ROWS = 50_000;
const MS_PER_SECOND = 1_000;

const millisecondsOf = (column: string): string => `(extract(epoch from ${column}) * 1000)::float8`;

/** Fields of a source that the views read: keys, aggregated fields and conditions. */
function fieldsRead(views: readonly FeatureView[]): string[] {
  const fields = views.flatMap((view) => [
    ...Object.values<string>(view.keyFields),
    ...Object.values(view.features)
      .flatMap((feature) => ('parts' in feature ? feature.parts : [feature]))
      .flatMap(({ field, where }) => [...(field === null ? [] : [field]), ...Object.keys(where ?? {})]),
  ]);
  return [...new Set(fields)];
}

/**
 * Rows of a source's offline log as the raw tables hold them, what lies outside of the times left out.
 * @param from, to  bounds of the effective event time, inclusive, ms since the epoch
 */
export async function readLoggedEvents(
  postgres: Postgres,
  source: Source,
  views: readonly FeatureView[],
  { from, to }: { from: number; to: number },
): Promise<LoggedEvent[]> {
  const fields = fieldsRead(views);
  const columns = fields.map((field) =>
    source.schema[field]?.type === 'timestamp'
      ? millisecondsOf(quoteIdentifier(field))
      : quoteIdentifier(field),
  );
  const effective = 'least(event_time, known_time)';
  const sql = `
    SELECT source_partition, source_offset::float8, ${millisecondsOf(effective)}, ${millisecondsOf('known_time')}
           ${columns.map((column) => `, ${column}`).join('')}
      FROM log.${quoteIdentifier(source.name)}
     WHERE (source_partition, source_offset) > ($1::int, $2::bigint)
       AND ${effective} BETWEEN to_timestamp($3::float8) AND to_timestamp($4::float8)
     ORDER BY source_partition, source_offset LIMIT ${PAGE_ROWS}`;
  const events: LoggedEvent[] = [];
  for (let after: [number, number] = [-1, -1]; ;) {
    const page = await postgres.queryArrays(sql, [...after, from / MS_PER_SECOND, to / MS_PER_SECOND]);
    for (const [sourcePartition, sourceOffset, effectiveTime, knownTime, ...values] of page) {
      events.push({
        sourcePartition: sourcePartition as number,
        sourceOffset: sourceOffset as number,
        effectiveTime: effectiveTime as number,
        knownTime: knownTime as number,
        row: Object.fromEntries(fields.map((field, i) => [field, values[i]])),
      });
    }
    const newest = events.at(-1);
    if (page.length < PAGE_ROWS || newest === undefined) return events;
    after = [newest.sourcePartition, newest.sourceOffset];
  }
}

import type { FieldValue, Field, Row } from '../../define/field.ts';
import { quoteIdentifier as quote, type Queryable } from '../../infra/postgres.ts';
import { logTable } from '../log-table.ts';
import type { TableRead } from './attachment-plan.ts';
import { keysEqual } from './key-index.ts';

type Value = FieldValue<Field>;

/** Bounds that only spare work are wider than they must be: far from the epoch PostgreSQL rounds their product. */
const SLACK_MS = 1_000;

/**
 * Of each event the fields of the table's latest row with its key, as known at the event's known time: the row of the
 * greatest effective event time; ties go to the later known time, then the higher offset, then the higher partition.
 * @returns per event the values in the order of the read's fields; undefined where there is no such row
 */
export async function readLatest(
  db: Queryable,
  read: TableRead,
  events: readonly { readonly row: Row; readonly knownTime: number }[],
): Promise<(readonly Value[] | undefined)[]> {
  const found = new Array<readonly Value[] | undefined>(events.length).fill(undefined);
  const keys = read.keys.map(({ ofEvent }) => events.map(({ row }) => row[ofEvent] as string | null));
  const rows = await db.queryArrays(latestSql(read), [...keys, events.map((event) => event.knownTime)]);
  for (const [place, ...values] of rows) found[(place as number) - 1] = values as Value[];
  return found;
}

function latestSql({ table, keys, fields }: TableRead): string {
  const names = keys.map((_, k) => `key ${k}`);
  const columns = fields.map(({ field }, f) => {
    const column = `l.${quote(field)}`;
    const isTime = table.schema[field]?.type === 'timestamp';
    return `${isTime ? `millrace.epoch_ms(${column})::float8` : column} AS ${quote(`field ${f}`)}`;
  });
  return `SELECT w.place::int, latest.*
    FROM unnest(${[...keys.map((_, k) => `$${k + 1}::text[]`), `$${keys.length + 1}::float8[]`].join(', ')})
      WITH ORDINALITY AS w(${[...names.map(quote), '"at ms"', 'place'].join(', ')})
    CROSS JOIN LATERAL (
      SELECT ${columns.join(', ')} FROM ${logTable(table.name)} l
      WHERE ${keysEqual(
        keys.map(({ ofTable }) => ofTable),
        names,
      ).join(' AND ')}
        AND l.effective_time <= timestamptz 'epoch' + (w."at ms" + ${SLACK_MS}) * interval '1 millisecond'
        AND millrace.epoch_ms(l.known_time) <= w."at ms"
      ORDER BY l.effective_time DESC, l.known_time DESC, l.source_offset DESC, l.source_partition DESC
      LIMIT 1) AS latest`;
}

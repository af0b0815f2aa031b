import type { Field, FieldValue, Row } from '../../define/field.ts';
import type { Source } from '../../define/source.ts';
import { quoteIdentifier as quote, type Queryable } from '../../infra/postgres.ts';
import { logTable } from '../log-table.ts';
import type { DerivePositions } from './derive-positions.ts';

/** An event of the original source. Times are ms since the epoch. */
export interface OriginalEvent {
  readonly partition: number;
  readonly offset: number;
  readonly knownTime: number;
  /** The fields that were asked for. */
  readonly row: Row;
}

/** Events of some partitions, and how far each partition has then been read. */
export interface Originals {
  /** In the order of known time; those of a partition in the order of offsets. */
  readonly events: readonly OriginalEvent[];
  /** Partition -> offset to read on from; partitions that had nothing are left out. */
  readonly next: ReadonlyMap<number, number>;
}

/** What was read of one partition. */
interface PartitionPart {
  /** Where the log ends, or what is asked for. */
  readonly end: number;
  readonly isWhole: boolean;
  readonly events: OriginalEvent[];
}

/**
 * Reads on in the log of a source: from every partition in the order of offsets, and over all partitions about in the
 * order of known time. Rows and ends of the log are of one moment, so nothing that is still being written is passed over.
 * @param to partition -> offset to stop before
 * @param rowsMax of all partitions together
 */
export async function readOriginals(
  db: Queryable,
  source: Source,
  fields: readonly string[],
  from: DerivePositions,
  to: DerivePositions,
  rowsMax: number,
): Promise<Originals> {
  const partitions = [...from.keys()];
  const limit = Math.max(1, Math.floor(rowsMax / Math.max(1, partitions.length)));
  const rows = await db.queryArrays(originalsSql(source, fields, limit), [
    source.name,
    partitions,
    partitions.map((partition) => from.get(partition) ?? 0),
    partitions.map((partition) => to.get(partition) ?? 0),
  ]);
  const parts = new Map<number, PartitionPart>();
  for (const [partition, end, offset, knownTime, ...values] of rows as [
    number,
    number,
    number | null,
    number,
    ...FieldValue<Field>[],
  ][]) {
    let part = parts.get(partition);
    if (part === undefined) parts.set(partition, (part = { end, isWhole: false, events: [] }));
    if (offset === null) continue;
    const row = Object.fromEntries(fields.map((name, f) => [name, values[f] ?? null])) as Row;
    part.events.push({ partition, offset, knownTime, row });
  }
  for (const [partition, part] of parts) {
    parts.set(partition, { ...part, isWhole: part.events.length < limit });
  }
  return mergeByKnownTime(parts);
}

function originalsSql(source: Source, fields: readonly string[], limit: number): string {
  const columns = fields.map((field) => {
    const column = `l.${quote(field)}`;
    return source.schema[field]?.type === 'timestamp' ? `millrace.epoch_ms(${column})::float8` : column;
  });
  return `SELECT w.partition, least(i.next_offset, w.to_offset)::float8, l.*
    FROM unnest($2::int[], $3::bigint[], $4::bigint[]) AS w(partition, from_offset, to_offset)
    JOIN millrace.ingest_positions i ON i.source = $1 AND i.partition = w.partition AND i.next_offset > w.from_offset
    LEFT JOIN LATERAL (
      SELECT ${['l.source_offset::float8', 'millrace.epoch_ms(l.known_time)::float8', ...columns].join(', ')}
      FROM ${logTable(source.name)} l
      WHERE l.source_partition = w.partition AND l.source_offset >= w.from_offset AND l.source_offset < least(i.next_offset, w.to_offset)
      ORDER BY l.source_offset LIMIT ${limit}) AS l ON true
    ORDER BY w.partition, 3`;
}

/**
 * Takes of each partition what is known no later than the last event of every partition that has more: so one that is
 * ahead waits for the others, and what is read as of these events is read in the order of time.
 */
function mergeByKnownTime(parts: ReadonlyMap<number, PartitionPart>): Originals {
  const horizon = Math.min(
    ...[...parts.values()].flatMap(({ isWhole, events }) =>
      isWhole ? [] : (events.at(-1)?.knownTime ?? []),
    ),
  );
  const take = (upTo: number): Originals => {
    const next = new Map<number, number>();
    const events: OriginalEvent[] = [];
    for (const [partition, part] of parts) {
      const after = part.events.findIndex((event) => event.knownTime > upTo);
      const taken = after === -1 ? part.events : part.events.slice(0, after);
      events.push(...taken);
      const last = taken.at(-1);
      if (after === -1 && part.isWhole) next.set(partition, part.end);
      else if (last !== undefined) next.set(partition, last.offset + 1);
    }
    return { events: events.sort((a, b) => a.knownTime - b.knownTime), next };
  };
  const taken = take(horizon);
  // Known times that go back within a partition may leave none: then everything is taken as it is.
  return taken.next.size > 0 ? taken : take(Infinity);
}

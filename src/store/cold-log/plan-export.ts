import type { Source } from '../../define/source.ts';
import type { Queryable } from '../../infra/postgres.ts';
import { logTable } from '../log-table.ts';
import { exportedTo, type ColdRange } from './cold-files.ts';

export const DAY_MS = 86_400_000;

/** Rows that the next file of a source will hold: those of these offsets, the day is of the first of them to be known. */
export interface ExportPlan {
  readonly dayStart: number;
  readonly ranges: readonly Omit<ColdRange, 'rows'>[];
}

interface Stretch {
  readonly partition: number;
  readonly from: number;
  /** Exclusive: where ingest reads on. */
  readonly to: number;
}

/**
 * The reading that decides what is old: the clock, or the known time that every partition with events has reached,
 * whichever is earlier. A log that is being replayed has its own present.
 * @returns ms since the epoch; null before any event came
 */
export async function presentOf(db: Queryable, source: string, now: number): Promise<number | null> {
  const [row] = await db.query<{ reached: number | null }>(
    `SELECT (extract(epoch FROM min(newest_known_time)) * 1000)::float8 AS reached
     FROM millrace.ingest_positions WHERE source = $1`,
    [source],
  );
  const reached = row?.reached ?? null;
  return reached === null ? null : Math.min(now, reached);
}

/**
 * What the next file of a source holds, or null where no day is closed. Offsets decide, not times: each file goes on
 * where the one before ended, in every source partition, so that no row is in two files and none in between. The file's
 * day is the earliest of those that come next; each partition gives its offsets up to the first event known after it.
 * A late event, whose known time lies in a day that was exported, has a later offset: Postgres has it until the file of
 * the day that its offset lies in, whose span of known times then says so.
 * @param closedBefore only days that ended before it, ms since the epoch
 * @param rowsMax cuts a day into several files
 */
export async function planExport(
  db: Queryable,
  source: Source,
  closedBefore: number,
  rowsMax: number,
): Promise<ExportPlan | null> {
  const stretches = await unexported(db, source.name);
  const heads = await firstKnown(db, source, stretches);
  if (heads.length === 0) return null;
  const dayStart = Math.floor(Math.min(...heads) / DAY_MS) * DAY_MS;
  if (dayStart + DAY_MS > closedBefore) return null;
  const ranges = await endsOf(db, source, stretches, dayStart + DAY_MS, Math.ceil(rowsMax / stretches.length));
  return { dayStart, ranges };
}

async function unexported(db: Queryable, source: string): Promise<Stretch[]> {
  const done = await exportedTo(db, source);
  const positions = await db.query<{ partition: number; next: number }>(
    'SELECT partition, next_offset::float8 AS next FROM millrace.ingest_positions WHERE source = $1 ORDER BY partition',
    [source],
  );
  return positions
    .map(({ partition, next }) => ({ partition, from: done.get(partition) ?? 0, to: next }))
    .filter(({ from, to }) => to > from);
}

const columnsOf = (stretches: readonly Stretch[]): number[][] => [
  stretches.map(({ partition }) => partition),
  stretches.map(({ from }) => from),
  stretches.map(({ to }) => to),
];

const GIVEN = 'unnest($1::int[], $2::bigint[], $3::bigint[]) AS s(partition, first, beyond)';
const WITHIN = 'l.source_partition = s.partition AND l.source_offset >= s.first AND l.source_offset < s.beyond';

/** Known times of the first row of each stretch that has one. */
async function firstKnown(db: Queryable, source: Source, stretches: readonly Stretch[]): Promise<number[]> {
  const rows = await db.query<{ known: number }>(
    `SELECT (extract(epoch FROM head.known_time) * 1000)::float8 AS known FROM ${GIVEN}
     CROSS JOIN LATERAL (SELECT known_time FROM ${logTable(source.name)} l WHERE ${WITHIN}
       ORDER BY l.source_partition, l.source_offset LIMIT 1) AS head`,
    columnsOf(stretches),
  );
  return rows.map(({ known }) => known);
}

/** Each stretch up to its first event known at or after `dayEnd`, of `rowsMax` rows at most. */
async function endsOf(
  db: Queryable,
  source: Source,
  stretches: readonly Stretch[],
  dayEnd: number,
  rowsMax: number,
): Promise<Stretch[]> {
  const table = logTable(source.name);
  const rows = await db.query<Stretch>(
    `SELECT s.partition, s.first::float8 AS "from",
       least(s.beyond,
         (SELECT l.source_offset FROM ${table} l WHERE ${WITHIN} AND l.known_time >= $4
          ORDER BY l.source_partition, l.source_offset LIMIT 1),
         (SELECT l.source_offset FROM ${table} l WHERE ${WITHIN}
          ORDER BY l.source_partition, l.source_offset OFFSET $5 LIMIT 1))::float8 AS "to"
     FROM ${GIVEN}`,
    [...columnsOf(stretches), new Date(dayEnd), rowsMax],
  );
  return rows.filter(({ from, to }) => to > from);
}

/** The rows of ranges, as a test of a log's columns. */
export const withinRanges = (ranges: readonly Omit<ColdRange, 'rows'>[]): string =>
  `(${ranges
    .map(({ partition, from, to }) => `(source_partition = ${partition} AND source_offset >= ${from} AND source_offset < ${to})`)
    .join(' OR ')})`;

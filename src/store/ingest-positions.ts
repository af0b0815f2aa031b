import type { Queryable } from '../infra/postgres.ts';

/** Coordinates of a source partition and where its ingest reads on. */
export interface IngestPosition {
  readonly source: string;
  readonly partition: number;
  /** Offset of the first event that the offline log has not accounted for. */
  readonly nextOffset: number;
}

/** What one batch adds to its partition's account. */
export interface IngestAdvance {
  readonly source: string;
  readonly partition: number;
  readonly expectedOffset: number;
  readonly nextOffset: number;
  readonly stored: number;
  readonly duplicates: number;
  readonly deadLetters: number;
  readonly beyondWindows: number;
  /** Ms since the epoch; null where nothing was stored. */
  readonly newestKnownTime: number | null;
}

export async function readIngestPositions(db: Queryable, source: string): Promise<IngestPosition[]> {
  const rows = await db.query<{ partition: number; next: string }>(
    'SELECT partition, next_offset AS next FROM millrace.ingest_positions WHERE source = $1 ORDER BY partition',
    [source],
  );
  return rows.map((row) => ({ source, partition: row.partition, nextOffset: Number(row.next) }));
}

/** Positions of all sources that were ever applied. */
export async function readAllIngestPositions(db: Queryable): Promise<IngestPosition[]> {
  return db.query<IngestPosition>(
    'SELECT source, partition, next_offset::float8 AS "nextOffset" FROM millrace.ingest_positions',
  );
}

/** Where ingest of one partition reads on; null before `millrace apply` made the row. */
export async function readIngestPosition(
  db: Queryable,
  source: string,
  partition: number,
): Promise<number | null> {
  const [row] = await db.query<{ next: string }>(
    'SELECT next_offset AS next FROM millrace.ingest_positions WHERE source = $1 AND partition = $2',
    [source, partition],
  );
  return row === undefined ? null : Number(row.next);
}

/**
 * Makes the rows of a source's partitions, each at its first offset; present rows stay as they are, and are not waited for
 * while ingest moves them.
 */
export async function createIngestPositions(
  db: Queryable,
  positions: readonly IngestPosition[],
): Promise<void> {
  await db.query(
    `INSERT INTO millrace.ingest_positions (source, partition, next_offset)
     SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[]) AS s(source, partition, next_offset)
     WHERE NOT EXISTS (SELECT FROM millrace.ingest_positions AS p WHERE p.source = s.source AND p.partition = s.partition)
     ON CONFLICT DO NOTHING`,
    [positions.map((p) => p.source), positions.map((p) => p.partition), positions.map((p) => p.nextOffset)],
  );
}

/**
 * Moves positions by compare-and-set. Rows are taken in one order, so that two writers can't wait for
 * each other. The transaction then commits without waiting for the disk: Kafka keeps the events, and what
 * a crash of Postgres undoes is read again.
 * @returns the coordinates that moved; for the others, someone else wrote in between
 */
export async function advanceIngestPositions(
  tx: Queryable,
  advances: readonly IngestAdvance[],
): Promise<{ source: string; partition: number }[]> {
  const sorted = [...advances].sort((a, b) =>
    a.source < b.source ? -1 : a.source > b.source ? 1 : a.partition - b.partition,
  );
  return tx.query(
    `UPDATE millrace.ingest_positions AS p
     SET next_offset = a.next, stored = p.stored + a.stored, duplicates = p.duplicates + a.duplicates,
         dead_letters = p.dead_letters + a.dead_letters, beyond_windows = p.beyond_windows + a.beyond,
         newest_known_time = greatest(p.newest_known_time, to_timestamp(a.newest / 1000))
     FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
                 $8::bigint[], $9::double precision[])
       AS a(source, partition, expected, next, stored, duplicates, dead_letters, beyond, newest),
       set_config('synchronous_commit', 'off', true)
     WHERE p.source = a.source AND p.partition = a.partition AND p.next_offset = a.expected
     RETURNING p.source, p.partition`,
    [
      sorted.map((a) => a.source),
      sorted.map((a) => a.partition),
      sorted.map((a) => a.expectedOffset),
      sorted.map((a) => a.nextOffset),
      sorted.map((a) => a.stored),
      sorted.map((a) => a.duplicates),
      sorted.map((a) => a.deadLetters),
      sorted.map((a) => a.beyondWindows),
      sorted.map((a) => a.newestKnownTime),
    ],
  );
}

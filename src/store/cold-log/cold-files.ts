import type { Queryable } from '../../infra/postgres.ts';
import type { ColdColumn } from './cold-columns.ts';

/** Offsets of one source partition that a file accounts for: from the first, inclusive, to the last, exclusive. */
export interface ColdRange {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
  readonly rows: number;
}

/** What a file holds, without its place in the database. Times are ms since the epoch. */
export interface ColdManifest {
  readonly formatVersion: number;
  readonly source: string;
  /** Below the cold log's directory. */
  readonly file: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly rows: number;
  readonly rowsDigest: string;
  readonly schemaDigest: string;
  readonly columns: readonly ColdColumn[];
  /** Day of known time, UTC: `2013-06-01`. */
  readonly day: string;
  readonly knownFrom: number;
  readonly knownTo: number;
  readonly effectiveFrom: number;
  readonly effectiveTo: number;
  readonly ranges: readonly ColdRange[];
}

export interface ColdFile extends ManifestRow {
  readonly ranges: readonly ColdRange[];
}

interface ManifestRow extends Omit<ColdManifest, 'ranges'> {
  readonly id: number;
  readonly exportedAt: number;
  /** Null: Postgres has the rows too, and readers take them from there. */
  readonly prunedAt: number | null;
}

const ms = (column: string): string => `round(extract(epoch FROM ${column}) * 1000)::float8`;

const SELECT_FILES = `SELECT f.id::float8 AS id, f.source, f.file, f.sha256, f.bytes::float8 AS bytes, f.rows::float8 AS rows,
    f.rows_digest AS "rowsDigest", f.format_version AS "formatVersion", f.schema_digest AS "schemaDigest", f.columns,
    f.day::text AS day, ${ms('f.known_from')} AS "knownFrom", ${ms('f.known_to')} AS "knownTo",
    ${ms('f.effective_from')} AS "effectiveFrom", ${ms('f.effective_to')} AS "effectiveTo",
    ${ms('f.exported_at')} AS "exportedAt", ${ms('f.pruned_at')} AS "prunedAt",
    (SELECT json_agg(json_build_object('partition', r.partition, 'from', r.from_offset, 'to', r.to_offset, 'rows', r.rows)
       ORDER BY r.partition) FROM millrace.cold_log_ranges r WHERE r.file = f.id) AS ranges
  FROM millrace.cold_log_files f`;

/** All files of a source, oldest first. */
export const listColdFiles = (db: Queryable, source: string): Promise<ColdFile[]> =>
  db.query<ColdFile>(`${SELECT_FILES} WHERE f.source = $1 ORDER BY f.id`, [source]);

/** The files that alone have their rows, oldest first: what a reader needs besides Postgres. */
export const prunedFiles = (db: Queryable, source: string): Promise<ColdFile[]> =>
  db.query<ColdFile>(`${SELECT_FILES} WHERE f.source = $1 AND f.pruned_at IS NOT NULL ORDER BY f.id`, [source]);

/** The oldest file whose rows Postgres has too. */
export async function oldestUnpruned(db: Queryable, source: string): Promise<ColdFile | null> {
  const [found] = await db.query<ColdFile>(
    `${SELECT_FILES} WHERE f.source = $1 AND f.pruned_at IS NULL ORDER BY f.id LIMIT 1`,
    [source],
  );
  return found ?? null;
}

/** Rows of the source that only files have, and the newest known time among them, ms since the epoch. */
export async function prunedTotals(
  db: Queryable,
  source: string,
): Promise<{ rows: number; newestKnown: number | null }> {
  const [found] = await db.query<{ rows: number; newestKnown: number | null }>(
    `SELECT coalesce(sum(rows), 0)::float8 AS rows, ${ms('max(known_to)')} AS "newestKnown"
     FROM millrace.cold_log_files WHERE source = $1 AND pruned_at IS NOT NULL`,
    [source],
  );
  return found ?? { rows: 0, newestKnown: null };
}

/** By source partition the first offset that no file accounts for; absent where none does any. */
export async function exportedTo(db: Queryable, source: string): Promise<Map<number, number>> {
  const rows = await db.query<{ partition: number; to: number }>(
    `SELECT r.partition, max(r.to_offset)::float8 AS to FROM millrace.cold_log_ranges r
     JOIN millrace.cold_log_files f ON f.id = r.file WHERE f.source = $1 GROUP BY r.partition`,
    [source],
  );
  return new Map(rows.map(({ partition, to }) => [partition, to]));
}

export async function insertColdFile(tx: Queryable, manifest: ColdManifest): Promise<number> {
  const time = (n: number): string => `to_timestamp($${n}::float8 / 1000)`;
  const [row] = await tx.query<{ id: number }>(
    `INSERT INTO millrace.cold_log_files
       (source, file, sha256, bytes, rows, rows_digest, format_version, schema_digest, columns, day,
        known_from, known_to, effective_from, effective_to)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, ${time(11)}, ${time(12)}, ${time(13)}, ${time(14)})
     RETURNING id::float8 AS id`,
    [
      manifest.source,
      manifest.file,
      manifest.sha256,
      manifest.bytes,
      manifest.rows,
      manifest.rowsDigest,
      manifest.formatVersion,
      manifest.schemaDigest,
      JSON.stringify(manifest.columns),
      manifest.day,
      manifest.knownFrom,
      manifest.knownTo,
      manifest.effectiveFrom,
      manifest.effectiveTo,
    ],
  );
  const id = row?.id ?? 0;
  await tx.query(
    `INSERT INTO millrace.cold_log_ranges (file, partition, from_offset, to_offset, rows)
     SELECT $1, * FROM unnest($2::int[], $3::bigint[], $4::bigint[], $5::bigint[])`,
    [
      id,
      manifest.ranges.map(({ partition }) => partition),
      manifest.ranges.map(({ from }) => from),
      manifest.ranges.map(({ to }) => to),
      manifest.ranges.map(({ rows }) => rows),
    ],
  );
  return id;
}

/** Makes this file of a source, and those exported after it, count no longer: the next export writes their rows again. */
export async function forgetFilesFrom(tx: Queryable, source: string, id: number): Promise<void> {
  await tx.query('DELETE FROM millrace.cold_log_files WHERE source = $1 AND id >= $2', [source, id]);
}

/** Exports, prunes and replays of one source take turns: held until the transaction ends. */
export async function lockColdLog(tx: Queryable, source: string): Promise<void> {
  await tx.query(`SELECT pg_advisory_xact_lock(hashtextextended('millrace cold log ' || $1, 0))`, [source]);
}

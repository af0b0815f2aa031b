import type { Source } from '../../define/source.ts';
import type { Queryable } from '../../infra/postgres.ts';
import { logTable } from '../log-table.ts';
import { coldRowsSql, rowOrders } from './cold-rows-sql.ts';
import { forgetFilesFrom, lockColdLog, oldestUnpruned, type ColdFile } from './cold-files.ts';
import type { ColdLog, LogDatabase } from './cold-log.ts';
import { hasUnexportedValues } from './exported-columns.ts';
import { withinRanges } from './plan-export.ts';
import { pruneHorizon, type PruneReaders } from './prune-horizon.ts';
import { RowDigest } from './row-digest.ts';
import { corrupt, verifiedPath } from './verified-path.ts';
import type { OnStep } from './write-cold-file.ts';
import type { Clock } from '../../core/clock.ts';

export interface PruneOptions {
  /** Rows younger than this stay in Postgres, whoever needs them. */
  readonly keepMs: number;
  readonly readers: PruneReaders;
  readonly clock: Clock;
  readonly onStep?: OnStep;
}

/**
 * Deletes from Postgres the rows of the oldest file that Postgres still has, if nobody needs them there. The file is read
 * again first, its bytes and its rows held against what was exported; then one transaction deletes the rows and makes
 * the file their only place. Files go in the order in which they were exported, so what is left is the end of each source partition.
 * A file that lacks values which Postgres has, since it was exported without their column, counts no longer, nor do those
 * after it: the next export writes them with it.
 * @returns null where there is none, or the next must stay
 * @throws MillraceError COLD_LOG_FILE_MISSING, COLD_LOG_FILE_CORRUPT, COLD_LOG_QUERY_FAILED, STORE_UNAVAILABLE
 */
export async function pruneNextFile(
  db: LogDatabase,
  source: Source,
  { keepMs, readers, clock, onStep = () => undefined }: PruneOptions,
): Promise<ColdFile | null> {
  const file = await oldestUnpruned(db, source.name);
  if (file === null) return null;
  const mayGo = async (tx: Queryable): Promise<boolean> => {
    const horizon = await pruneHorizon(tx, source, readers, { now: clock(), keepMs });
    return horizon !== null && file.knownTo < horizon.before;
  };
  if (!(await mayGo(db))) return null;
  await verifyRows(db.coldLog, file);
  await onStep('verified', file.file);
  const isPruned = await db.transaction(async (tx) => {
    await lockColdLog(tx, source.name);
    // A replay, or a prune beside this one, may have come in between.
    const oldest = await oldestUnpruned(tx, source.name);
    if (oldest?.id !== file.id || !(await mayGo(tx))) return false;
    if (await hasUnexportedValues(tx, source, file)) {
      await forgetFilesFrom(tx, source.name, file.id);
      return false;
    }
    const [deleted] = await tx.query<{ rows: number }>(
      `WITH gone AS (DELETE FROM ${logTable(source.name)} WHERE ${withinRanges(file.ranges)} RETURNING 1)
       SELECT count(*)::float8 AS rows FROM gone`,
    );
    await onStep('deleted', file.file);
    if (deleted?.rows !== file.rows)
      throw corrupt(file, `${file.rows} rows, Postgres has ${deleted?.rows ?? 0} at its offsets`);
    await tx.query('UPDATE millrace.cold_log_files SET pruned_at = now() WHERE id = $1', [file.id]);
    return true;
  });
  if (!isPruned) return null;
  await onStep('pruned', file.file);
  return file;
}

/**
 * Reads all rows of a file and holds them against the digest of the rows that were exported.
 * @throws MillraceError COLD_LOG_FILE_MISSING, COLD_LOG_FILE_CORRUPT
 */
export async function verifyRows(coldLog: ColdLog, file: ColdFile): Promise<void> {
  // What this process remembers of the file is of an earlier moment.
  coldLog.verified.clear();
  const path = await verifiedPath(coldLog, file);
  const digest = new RowDigest(file.columns);
  const sql = `SELECT * FROM (${coldRowsSql([{ file, path }], file.columns, {})})${rowOrders.offset}`;
  await coldLog.duckdb.session((session) => session.stream(sql, (values) => digest.add(values)));
  if (digest.rows !== file.rows) throw corrupt(file, `${digest.rows} rows, expected ${file.rows}`);
  const found = digest.finish();
  if (found !== file.rowsDigest) throw corrupt(file, `rows with the digest ${found}, expected ${file.rowsDigest}`);
}

import { MillraceError } from '../../core/millrace-error.ts';
import type { Source } from '../../define/source.ts';
import type { DuckdbSession, DuckdbValue } from '../../infra/duckdb.ts';
import type { Postgres, Queryable } from '../../infra/postgres.ts';
import type { LogFilter } from '../log-filter.ts';
import { coldRowsSql, mayHold, rowOrders, type ReadableFile } from './cold-rows-sql.ts';
import { createRowTableSql, rowTypes, type ColdColumn } from './cold-columns.ts';
import { prunedFiles, type ColdFile } from './cold-files.ts';
import { coldLogOf, type ColdLog } from './cold-log.ts';
import { verifiedPath } from './verified-path.ts';

export type OnRow = (values: readonly DuckdbValue[]) => void;

export interface LogScan {
  readonly source: Source;
  readonly columns: readonly ColdColumn[];
  readonly filter: LogFilter;
  readonly onRow: OnRow;
  readonly onPause: (() => Promise<void>) | undefined;
  /** Hands the rows that Postgres has to `onRow`, in order, in the snapshot of `tx`. */
  readonly scanHot: (tx: Queryable, onRow: OnRow, onPause?: () => Promise<void>) => Promise<void>;
}

/**
 * Hands every row of a log that the filter lets through to `onRow`, once, in order: those that Postgres has, and those
 * that only files have.
 *
 * Rows leave Postgres in the transaction that makes their file the truth, so one snapshot that sees both the list of
 * such files and the table sees each row exactly once. Where the order lets the files go first, they are read without a
 * transaction, again and again until a snapshot has no file that was not read: its table holds the rest. Else the
 * table's rows are laid beside the files in DuckDB, which sorts, on disk where they are many.
 */
export async function scanColdAndHot(db: Queryable, scan: LogScan): Promise<void> {
  const { filter } = scan;
  const isFilesFirst =
    filter.order === 'any' || (filter.order === 'offset' && filter.sourcePartition !== undefined);
  await (isFilesFirst ? scanFilesFirst(db, scan) : scanMerged(db, scan));
}

async function scanFilesFirst(db: Queryable, scan: LogScan): Promise<void> {
  const read = new Set<number>();
  for (;;) {
    const unread = await inSnapshot(db, async (tx) => {
      const files = (await filesOf(tx, scan)).filter(({ id }) => !read.has(id));
      if (files.length === 0) await scan.scanHot(tx, scan.onRow, scan.onPause);
      return files;
    });
    if (unread.length === 0) return;
    await scanFiles(coldLogFor(db, scan.source), unread, scan);
    for (const { id } of unread) read.add(id);
  }
}

async function scanMerged(db: Queryable, scan: LogScan): Promise<void> {
  const { columns, filter, onRow, onPause } = scan;
  const isHotOnly = await inSnapshot(db, async (tx) => {
    if ((await filesOf(tx, scan)).length > 0) return false;
    await scan.scanHot(tx, onRow, onPause);
    return true;
  });
  if (isHotOnly) return;
  const coldLog = coldLogFor(db, scan.source);
  await coldLog.duckdb.session(async (session) => {
    const files = await inSnapshot(db, async (tx) => {
      await spoolHot(session, 'hot', columns, (add) => scan.scanHot(tx, add));
      return filesOf(tx, scan);
    });
    const cold = coldRowsSql(await readable(coldLog, files), columns, filter);
    const all = `SELECT * FROM (${cold}\nUNION ALL\nSELECT * FROM temp.hot)${rowOrders[filter.order]}`;
    await session.stream(all, onRow, onPause);
  });
}

/** Lays rows beside the files: a temporary table of the session. */
export async function spoolHot(
  session: DuckdbSession,
  table: string,
  columns: readonly ColdColumn[],
  feed: (add: OnRow) => Promise<void>,
): Promise<void> {
  await session.run(createRowTableSql(table, columns));
  const appender = await session.append(table, rowTypes(columns));
  try {
    await feed((values) => appender.add(values));
  } finally {
    appender.close();
  }
}

async function scanFiles(coldLog: ColdLog, files: readonly ColdFile[], scan: LogScan): Promise<void> {
  const { columns, filter, onRow, onPause } = scan;
  const sql = coldRowsSql(await readable(coldLog, files), columns, filter);
  await coldLog.duckdb.session((session) =>
    session.stream(`SELECT * FROM (${sql})${rowOrders[filter.order]}`, onRow, onPause),
  );
}

const filesOf = async (tx: Queryable, { source, filter }: LogScan): Promise<ColdFile[]> =>
  (await prunedFiles(tx, source.name)).filter((file) => mayHold(file, filter));

/** @throws MillraceError COLD_LOG_FILE_MISSING, COLD_LOG_FILE_CORRUPT */
export async function readable(coldLog: ColdLog, files: readonly ColdFile[]): Promise<ReadableFile[]> {
  const found: ReadableFile[] = [];
  for (const file of files) found.push({ file, path: await verifiedPath(coldLog, file) });
  return found;
}

/** @throws MillraceError COLD_LOG_NOT_OPENED */
export function coldLogFor(db: Queryable, source: Source): ColdLog {
  const coldLog = coldLogOf(db);
  if (coldLog !== undefined) return coldLog;
  throw new MillraceError(
    'COLD_LOG_NOT_OPENED',
    `The log of source '${source.name}' has rows that are in the cold log only, and this reader was opened without it: its answer would lack them. Open the database with withColdLog.`,
  );
}

/** Statements that see one state of the database; those of a transaction under way see its own. */
export async function inSnapshot<T>(db: Queryable, work: (tx: Queryable) => Promise<T>): Promise<T> {
  const { transaction } = db as Partial<Postgres>;
  if (transaction === undefined) return work(db);
  return transaction(async (tx) => {
    await tx.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY');
    return work(tx);
  });
}

import type { FieldType } from '../../define/field.ts';
import type { ViewProgram } from '../../fold/compile-view.ts';
import type { DuckdbSession } from '../../infra/duckdb.ts';
import { quoteIdentifier as quote, type Queryable } from '../../infra/postgres.ts';
import { CopyWriter, type CopyType } from '../copy-binary.ts';
import { logMetaColumns, logMetaTypes, logTable } from '../log-table.ts';
import { fieldsOfView } from '../view-events.ts';
import type { ColdColumn } from './cold-columns.ts';
import { prunedFiles, type ColdFile } from './cold-files.ts';
import { coldRowsSql, type ReadableFile } from './cold-rows-sql.ts';
import { coldLogOf } from './cold-log.ts';
import type { WarmQueryable } from './log-relation.ts';
import { coldLogFor, readable } from './scan-cold-and-hot.ts';

/** Rows that will be asked of a view: whose, and when. */
export interface ColdRequest {
  readonly view: ViewProgram;
  readonly rows: readonly { readonly key: readonly (string | null)[]; readonly asOf: number }[];
}

/** What was pruned is missing in the table from the moment on in which its file is listed: both are read as of one. */
export const ONE_STATE = 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ';

/** Rows that travel to Postgres together. */
const COPY_ROWS = 10_000;
/** The bounds of a tile, and those kept beside a file, are a little wider than they must be. */
const SLACK_MS = 1_000;

/**
 * Lays those rows beside the logs' tables that only files have and that reads of these rows could see, so that the SQL
 * over raw rows, in the transaction, is as if nothing had been pruned. They are the rows of the entities in question
 * since the longest window before the earliest moment; nothing is copied where no file reaches that far.
 * @param db where the cold log is known
 * @param tx a transaction whose statements all see one state of the database; the rows go when it ends
 * @throws MillraceError COLD_LOG_NOT_OPENED, COLD_LOG_FILE_MISSING, COLD_LOG_FILE_CORRUPT, COLD_LOG_QUERY_FAILED
 */
export async function withColdRows(
  db: Queryable,
  tx: Queryable,
  requests: readonly ColdRequest[],
): Promise<WarmQueryable> {
  const warmLogs = new Map<string, string>();
  for (const [source, own] of bySource(requests)) {
    const from = Math.min(...own.map(readsFrom));
    const files = (await prunedFiles(tx, source)).filter((file) => file.effectiveTo >= from - SLACK_MS);
    if (files.length === 0) continue;
    const table = `cold_rows_${warmLogs.size}`;
    warmLogs.set(source, await layRows(db, tx, own, { files, from, table }));
  }
  const coldLog = coldLogOf(db);
  return { ...tx, warmLogs, ...(coldLog === undefined ? {} : { coldLog }) };
}

/** By name: views that were made again from what was applied have a value of their source each. */
function bySource(requests: readonly ColdRequest[]): ReadonlyMap<string, readonly [ColdRequest, ...ColdRequest[]]> {
  const groups = new Map<string, [ColdRequest, ...ColdRequest[]]>();
  for (const request of requests) {
    if (request.rows.length === 0) continue;
    const group = groups.get(request.view.view.source.name);
    if (group === undefined) groups.set(request.view.view.source.name, [request]);
    else group.push(request);
  }
  return groups;
}

/** Effective time from which on a read can see an event; -Infinity for a lifetime, and where the age of a state counts. */
function readsFrom({ view, rows }: ColdRequest): number {
  if (view.freshness !== null) return -Infinity;
  const hopMs = view.resolutions.at(-1)?.hopMs ?? 0;
  return rows.reduce((ms, { asOf }) => Math.min(ms, asOf), Infinity) - view.longestWindowMs - hopMs;
}

interface Lying {
  readonly files: readonly ColdFile[];
  readonly from: number;
  readonly table: string;
}

async function layRows(
  db: Queryable,
  tx: Queryable,
  requests: readonly [ColdRequest, ...ColdRequest[]],
  { files, from, table }: Lying,
): Promise<string> {
  const { source } = requests[0].view.view;
  const columns = columnsOf(requests);
  const names = [...logMetaColumns.map(({ name }) => name), ...columns.map(({ name }) => quote(name))].join(', ');
  await tx.query(`CREATE TEMP TABLE ${table} ON COMMIT DROP AS SELECT ${names} FROM ${logTable(source.name)} WITH NO DATA`);
  const coldLog = coldLogFor(db, source);
  const paths = await readable(coldLog, files);
  const copy = new RowCopy(tx, `COPY pg_temp.${table} (${names}) FROM STDIN (FORMAT binary)`, columns);
  await coldLog.duckdb.session(async (session) => {
    const sql = await keyedRowsSql(session, requests, paths, columns, from);
    await session.stream(sql, (values) => copy.add(values), () => copy.flushFrom(COPY_ROWS));
  });
  await copy.flushFrom(1);
  await tx.query(`ANALYZE pg_temp.${table}`);
  return `(SELECT ${names} FROM ${logTable(source.name)} UNION ALL SELECT ${names} FROM pg_temp.${table})`;
}

/** What the views read, each field as its own view's source has it. */
function columnsOf(requests: readonly ColdRequest[]): ColdColumn[] {
  const types = new Map<string, FieldType>();
  for (const { view } of requests)
    for (const name of fieldsOfView(view)) types.set(name, view.view.source.schema[name]?.type ?? types.get(name) ?? 'string');
  return [...types].map(([name, type]) => ({ name, type }));
}

/** Rows of files whose key, of one of the views, is asked for. */
async function keyedRowsSql(
  session: DuckdbSession,
  requests: readonly ColdRequest[],
  files: readonly ReadableFile[],
  columns: readonly ColdColumn[],
  from: number,
): Promise<string> {
  const tests: string[] = [];
  for (const [i, { view, rows }] of requests.entries()) {
    // A view without keys is of all events.
    if (view.keyFields.length === 0) {
      tests.push('true');
      continue;
    }
    const keys = view.keyFields.map((_, k) => `k${k}`);
    await session.run(`CREATE TEMP TABLE keys_${i} (${keys.map((key) => `${key} VARCHAR`).join(', ')})`);
    const appender = await session.append(`keys_${i}`, keys.map(() => 'string' as const));
    const distinct = new Map(rows.map(({ key }) => [JSON.stringify(key), key]));
    for (const key of distinct.values()) if (!key.includes(null)) appender.add(key);
    appender.close();
    const given = view.keyFields.map((field) => quote(field)).join(', ');
    tests.push(`(${given}) IN (SELECT ${keys.join(', ')} FROM temp.keys_${i})`);
  }
  const since = Number.isFinite(from) ? { happenedFrom: from - SLACK_MS } : {};
  return `SELECT * FROM (${coldRowsSql(files, columns, since)}) WHERE ${tests.join(' OR ')}`;
}

/** Rows on their way into a table of Postgres, some thousands at a time. */
class RowCopy {
  readonly #tx: Queryable;
  readonly #statement: string;
  readonly #types: readonly CopyType[];
  #writer = new CopyWriter();
  #rows = 0;

  constructor(tx: Queryable, statement: string, columns: readonly ColdColumn[]) {
    this.#tx = tx;
    this.#statement = statement;
    this.#types = [...logMetaTypes, ...columns.map(({ type }) => type)];
  }

  add(values: readonly (string | number | boolean | null)[]): void {
    this.#writer.startRow(this.#types.length);
    this.#types.forEach((type, i) => this.#writer.add(type, values[i]!));
    this.#rows++;
  }

  /** Sends what has come, if it is at least so many rows. */
  async flushFrom(rowsMin: number): Promise<void> {
    if (this.#rows < rowsMin) return;
    const bytes = this.#writer.finish();
    this.#writer = new CopyWriter();
    this.#rows = 0;
    await this.#tx.copyIn(this.#statement, [bytes]);
  }
}

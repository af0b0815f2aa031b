import { createHash } from 'node:crypto';
import type { ViewProgram } from '../fold/compile-view.ts';
import { quoteIdentifier, type Queryable } from '../infra/postgres.ts';
import { prunedTotals } from './cold-log/cold-files.ts';
import { drawColdKeys } from './cold-log/draw-cold-keys.ts';
import { logTable } from './log-table.ts';

/** Rows of the log among which keys are drawn, in Postgres and in files each: a larger log is sampled by its pages and its files. */
const SAMPLE_ROWS_MAX = 500_000;

/**
 * Entity keys of a view, drawn from its source's log by the view's name and version: the same log gives the same ones. Those
 * whose rows were all pruned are among them.
 * @throws MillraceError COLD_LOG_NOT_OPENED, COLD_LOG_FILE_MISSING, COLD_LOG_FILE_CORRUPT
 */
export async function sampleKeys(db: Queryable, program: ViewProgram, keysMax: number): Promise<string[]> {
  const label = `${program.name}/${program.version}`;
  const keySql = keyTextSql(program);
  // The table first: rows that are pruned meanwhile are then found in their file.
  const hot = await drawHotKeys(db, program, { keySql, label, keysMax });
  const cold = await drawColdKeys(db, program, { keySql, label, keysMax, rowsMax: SAMPLE_ROWS_MAX });
  const rankOf = new Map([...hot, ...cold].map((key) => [key, createHash('md5').update(key + label).digest('hex')]));
  const drawn = [...rankOf].sort(([, a], [, b]) => (a < b ? -1 : Number(a > b)));
  return drawn.slice(0, keysMax).map(([key]) => key);
}

/** A row's key as text, in both dialects; a view without keys has one, of all events. */
const keyTextSql = ({ keyFields }: ViewProgram): string =>
  keyFields.length === 0 ? "''" : keyFields.map(quoteIdentifier).join(' || chr(31) || ');

async function drawHotKeys(
  db: Queryable,
  program: ViewProgram,
  { keySql, label, keysMax }: { readonly keySql: string; readonly label: string; readonly keysMax: number },
): Promise<string[]> {
  const table = logTable(program.view.source.name);
  const { rows } = await countHotRows(db, program.view.source.name);
  const percent = Math.min(100, (SAMPLE_ROWS_MAX / Math.max(1, rows)) * 100);
  const from = percent < 100 ? `${table} TABLESAMPLE SYSTEM (${percent}) REPEATABLE (1)` : table;
  const found = await db.query<{ key: string }>(
    `SELECT key FROM (SELECT DISTINCT ${keySql} AS key FROM ${from}) AS keys WHERE key IS NOT NULL
     ORDER BY md5(key || $1) LIMIT $2`,
    [label, keysMax],
  );
  return found.map((row) => row.key);
}

export interface LogRows {
  readonly rows: number;
  /** `counted` exactly, or `estimated` from what PostgreSQL last knew. */
  readonly how: 'counted' | 'estimated';
  /** Of the table, without its indexes. */
  readonly bytes: number;
}

/** A larger log is not counted: that would read all of it. */
const COUNT_ROWS_MAX = 1_000_000;

/** Rows of a source's whole log, those that only files have among them. */
export async function countLogRows(db: Queryable, source: string): Promise<LogRows> {
  const hot = await countHotRows(db, source);
  const { rows } = await prunedTotals(db, source);
  return { ...hot, rows: hot.rows + rows };
}

async function countHotRows(db: Queryable, source: string): Promise<LogRows> {
  const [known] = await db.query<{ rows: number; bytes: number }>(
    `SELECT reltuples::float8 AS rows, pg_relation_size(oid)::float8 AS bytes FROM pg_class WHERE oid = to_regclass($1)`,
    [logTable(source)],
  );
  if (known === undefined) return { rows: 0, how: 'counted', bytes: 0 };
  if (known.rows > COUNT_ROWS_MAX) return { rows: known.rows, how: 'estimated', bytes: known.bytes };
  const [counted] = await db.query<{ rows: number }>(`SELECT count(*)::float8 AS rows FROM ${logTable(source)}`);
  return { rows: counted?.rows ?? 0, how: 'counted', bytes: known.bytes };
}

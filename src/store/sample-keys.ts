import type { ViewProgram } from '../fold/compile-view.ts';
import { quoteIdentifier, type Queryable } from '../infra/postgres.ts';
import { logTable } from './log-table.ts';

/** Rows of the log among which keys are drawn: a larger log is sampled by its pages. */
const SAMPLE_ROWS_MAX = 500_000;

/** Entity keys of a view, drawn from its source's log by the view's name and version: the same log gives the same ones. */
export async function sampleKeys(db: Queryable, program: ViewProgram, keysMax: number): Promise<string[]> {
  const table = logTable(program.view.source.name);
  const { rows } = await countLogRows(db, program.view.source.name);
  const percent = Math.min(100, (SAMPLE_ROWS_MAX / Math.max(1, rows)) * 100);
  const from = percent < 100 ? `${table} TABLESAMPLE SYSTEM (${percent}) REPEATABLE (1)` : table;
  const fields = program.keyFields.map(quoteIdentifier);
  const key = fields.join(" || chr(31) || ");
  const found = await db.query<{ key: string }>(
    `SELECT key FROM (SELECT DISTINCT ${key} AS key FROM ${from}) AS keys WHERE key IS NOT NULL
     ORDER BY md5(key || $1) LIMIT $2`,
    [`${program.name}/${program.version}`, keysMax],
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

export async function countLogRows(db: Queryable, source: string): Promise<LogRows> {
  const [known] = await db.query<{ rows: number; bytes: number }>(
    `SELECT reltuples::float8 AS rows, pg_relation_size(oid)::float8 AS bytes FROM pg_class WHERE oid = to_regclass($1)`,
    [logTable(source)],
  );
  if (known === undefined) return { rows: 0, how: 'counted', bytes: 0 };
  if (known.rows > COUNT_ROWS_MAX) return { rows: known.rows, how: 'estimated', bytes: known.bytes };
  const [counted] = await db.query<{ rows: number }>(`SELECT count(*)::float8 AS rows FROM ${logTable(source)}`);
  return { rows: counted?.rows ?? 0, how: 'counted', bytes: known.bytes };
}

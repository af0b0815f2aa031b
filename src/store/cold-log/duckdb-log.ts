import { randomBytes } from 'node:crypto';
import type { FeatureView } from '../../define/feature-view.ts';
import type { Source } from '../../define/source.ts';
import type { DuckdbSession, DuckdbValue } from '../../infra/duckdb.ts';
import type { Queryable } from '../../infra/postgres.ts';
import { logTable } from '../log-table.ts';
import { scanTable } from '../offline-log.ts';
import { duckdbMacros } from '../sql/duckdb/macros.ts';
import { coldColumns, fileColumnsSql, textSql, type ColdColumn } from './cold-columns.ts';
import { listColdFiles, prunedFiles } from './cold-files.ts';
import type { LogDatabase } from './cold-log.ts';
import type { ReadableFile } from './cold-rows-sql.ts';
import { inSnapshot, readable, spoolHot } from './scan-cold-and-hot.ts';

const HOT = 'hot_rows';
const OWN_NAME_BYTES = 8;

/** A log's rows that files have, in the types of the source as it is now. */
function filesSql(files: readonly ReadableFile[], columns: readonly ColdColumn[]): string[] {
  if (files.length === 0) return [];
  const names = ['source_partition', 'source_offset', 'event_time', 'effective_time', 'known_time'];
  const present = new Set(files.flatMap(({ file }) => file.columns.map(({ name }) => name)));
  const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
  const nulls = { string: 'VARCHAR', number: 'DOUBLE', boolean: 'BOOLEAN', timestamp: 'TIMESTAMPTZ' } as const;
  const selected = columns.map(({ name, type }) => (present.has(name) ? quoted(name) : `NULL::${nulls[type]} AS ${quoted(name)}`));
  const paths = files.map(({ path }) => textSql(path)).join(', ');
  return [`SELECT ${[...names, ...selected].join(', ')} FROM read_parquet([${paths}], union_by_name := true)`];
}

const viewSql = (source: Source, relations: readonly string[]): string[] => [
  'CREATE SCHEMA IF NOT EXISTS log',
  `CREATE OR REPLACE VIEW ${logTable(source.name)} AS ${relations.join(' UNION ALL ')}`,
];

/**
 * What a person runs in DuckDB before a view's query: the functions, and the log as its exported files have it. What was
 * not exported yet is in Postgres only.
 * @throws MillraceError COLD_LOG_FILE_MISSING, COLD_LOG_FILE_CORRUPT, COLD_LOG_SOURCE_UNFIT
 */
export async function duckdbPrelude(db: LogDatabase, source: Source): Promise<string> {
  const files = await readable(db.coldLog, await listColdFiles(db, source.name));
  const relations = filesSql(files, coldColumns(source));
  const statements = [...duckdbMacros, ...(relations.length === 0 ? [] : viewSql(source, relations))];
  return `${statements.map((statement) => `${statement};`).join('\n')}\n`;
}

/**
 * The rows of a query in the DuckDB dialect over a source's whole log: what only files have, and the rest copied from
 * Postgres in the same snapshot.
 * @throws MillraceError COLD_LOG_FILE_MISSING, COLD_LOG_FILE_CORRUPT, COLD_LOG_SOURCE_UNFIT, COLD_LOG_QUERY_FAILED
 */
export const queryLogInDuckdb = (db: LogDatabase, source: Source, sql: string): Promise<DuckdbValue[][]> =>
  db.coldLog.duckdb.session(async (session) => {
    // Views and functions belong to a database, not to a session: this one has its own.
    const own = `log_${randomBytes(OWN_NAME_BYTES).toString('hex')}`;
    await session.run(`ATTACH ':memory:' AS ${own}`);
    await session.run(`USE ${own}`);
    try {
      await openLog(session, db, source);
      return await session.rows(sql);
    } finally {
      await session.run('USE memory');
      await session.run(`DETACH ${own}`);
    }
  });

async function openLog(session: DuckdbSession, db: LogDatabase, source: Source): Promise<void> {
  const columns = coldColumns(source);
  for (const statement of duckdbMacros) await session.run(statement);
  const files = await inSnapshot(db, async (tx: Queryable) => {
    await spoolHot(session, HOT, columns, (add) => scanTable(tx, source, columns, '', add));
    return prunedFiles(tx, source.name);
  });
  const relations = filesSql(await readable(db.coldLog, files), columns);
  const hot = `SELECT ${fileColumnsSql(columns)} FROM temp.${HOT}`;
  for (const statement of viewSql(source, [...relations, hot])) await session.run(statement);
}

/**
 * The rows of a view's readable query in the DuckDB dialect: keys, the moment as ISO 8601, features.
 * @throws MillraceError as `queryLogInDuckdb`
 */
export async function readViewInDuckdb(db: LogDatabase, view: FeatureView, sql: string): Promise<DuckdbValue[][]> {
  const inner = sql.trimEnd().replace(/;$/, '');
  const rows = await queryLogInDuckdb(
    db,
    view.source,
    `SELECT * REPLACE (epoch_ms("as of")::DOUBLE AS "as of") FROM (\n${inner}\n)`,
  );
  const at = view.entity.keys.length;
  return rows.map((row) => row.map((value, i) => (i === at ? new Date(value as number).toISOString() : value)));
}

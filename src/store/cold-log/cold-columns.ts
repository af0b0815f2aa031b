import { canonicalJson } from '../../core/json.ts';
import { MillraceError } from '../../core/millrace-error.ts';
import type { FieldType } from '../../define/field.ts';
import type { Source } from '../../define/source.ts';
import { sha256Hex } from '../../infra/artifacts.ts';
import type { DuckdbType } from '../../infra/duckdb.ts';
import { quoteIdentifier as quote } from '../../infra/postgres.ts';
import { TIMESTAMP_MS_MAX, TIMESTAMP_MS_MIN } from '../copy-binary.ts';
import { logMetaColumns } from '../log-table.ts';

/** A field of a source as a file has it. */
export interface ColdColumn {
  readonly name: string;
  readonly type: FieldType;
}

/** Raised when a file's layout changes; readers refuse what they don't know. */
export const COLD_FORMAT_VERSION = 1;

const meta = logMetaColumns.map(({ name }) => name);
const metaTimes = new Set<string>(logMetaColumns.filter(({ sqlType }) => sqlType === 'timestamptz').map(({ name }) => name));

/**
 * A source's fields as columns that a file may have, besides those of every log.
 * @throws MillraceError COLD_LOG_SOURCE_UNFIT where two of them would be one to DuckDB
 */
export function coldColumns(source: Source): ColdColumn[] {
  const columns = Object.entries(source.schema).map(([name, { type }]): ColdColumn => ({ name, type }));
  assertDistinct(source, columns);
  return columns;
}

/** @throws MillraceError COLD_LOG_SOURCE_UNFIT where two of the columns would be one to DuckDB, which ignores case */
export function assertDistinct(source: Source, columns: readonly ColdColumn[]): void {
  const seen = new Map<string, string>(meta.map((name) => [name, name]));
  for (const { name } of columns) {
    const other = seen.get(name.toLowerCase());
    if (other !== undefined)
      throw new MillraceError(
        'COLD_LOG_SOURCE_UNFIT',
        `Source '${source.name}' can't be exported: '${other}' and '${name}' differ by case only, which DuckDB takes for one column. Rename the field.`,
      );
    seen.set(name.toLowerCase(), name);
  }
}

export const schemaDigest = (columns: readonly ColdColumn[]): string => sha256Hex(canonicalJson(columns));

/** Types of a row on our side: the log's own columns, then the fields. Times are ms since the epoch. */
export const rowTypes = (columns: readonly ColdColumn[]): DuckdbType[] => [
  ...meta.map((): DuckdbType => 'number'),
  ...columns.map(({ type }): DuckdbType => (type === 'timestamp' ? 'number' : type)),
];

const tableTypes = { number: 'DOUBLE', string: 'VARCHAR', boolean: 'BOOLEAN' } as const;

/** A temporary table of rows as `rowTypes` has them. */
export function createRowTableSql(table: string, columns: readonly ColdColumn[]): string {
  const names = [...meta, ...columns.map(({ name }) => name)];
  const types = rowTypes(columns);
  return `CREATE TEMP TABLE ${table} (${names.map((name, i) => `${quote(name)} ${tableTypes[types[i]!]}`).join(', ')})`;
}

/** A row table's columns in the types that a file has; -0 becomes 0, which it counts as everywhere. */
export function fileColumnsSql(columns: readonly ColdColumn[]): string {
  const time = (name: string): string => `make_timestamptz(${quote(name)}::BIGINT * 1000) AS ${quote(name)}`;
  return [
    'source_partition::INTEGER AS source_partition',
    'source_offset::BIGINT AS source_offset',
    ...meta.filter((name) => metaTimes.has(name)).map(time),
    ...columns.map(({ name, type }) => {
      if (type === 'timestamp') return time(name);
      return type === 'number' ? `${quote(name)} + 0 AS ${quote(name)}` : quote(name);
    }),
  ].join(', ');
}

/** The columns of a file, or of a relation with its types, as rows have them; a field that the file lacks is null. */
export function rowColumnsSql(wanted: readonly ColdColumn[], present: readonly ColdColumn[]): string {
  const has = new Set(present.map(({ name }) => name));
  const time = (name: string): string => `epoch_ms(${quote(name)})::DOUBLE AS ${quote(name)}`;
  return [
    ...meta.map((name) => (metaTimes.has(name) ? time(name) : `${name}::DOUBLE AS ${name}`)),
    ...wanted.map(({ name, type }) => {
      if (!has.has(name)) return `NULL::${tableTypes[type === 'timestamp' ? 'number' : type]} AS ${quote(name)}`;
      return type === 'timestamp' ? time(name) : quote(name);
    }),
  ].join(', ');
}

/** A moment as DuckDB has it, clamped to what a log can hold. */
export function momentSql(ms: number): string {
  const clamped = Math.max(TIMESTAMP_MS_MIN, Math.min(TIMESTAMP_MS_MAX, Math.floor(ms)));
  return `make_timestamptz(${BigInt(clamped) * 1_000n})`;
}

export const textSql = (text: string): string => `'${text.replaceAll("'", "''")}'`;

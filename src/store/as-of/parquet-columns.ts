import path from 'node:path';
import { MillraceError } from '../../core/millrace-error.ts';
import type { Field, FieldType } from '../../define/field.ts';
import { NUMBER_MAGNITUDE_MAX, TIME_MAGNITUDE_MAX_MS } from '../../fold/parse-row.ts';
import { duckdbName, duckdbText, type DuckdbColumnSession } from '../../infra/duckdb-columns.ts';
import { fitsType, valueSql } from '../../infra/duckdb-types.ts';
import type { EventRequest } from './event-reader.ts';

/** When each event became known; where a file has no such column, it was known when it happened. */
export const KNOWN_TIME = 'known_time';
/** Columns that order events of one moment, where a file has them all. */
const PLACE = ['source_partition', 'source_offset'] as const;

/** Types of a file's columns, by name. */
export type ParquetColumns = ReadonlyMap<string, string>;

export const hasPlace = (columns: ParquetColumns): boolean => PLACE.every((name) => columns.has(name));

/** SQL of a column's values; the query calls the file `e`. */
export const sqlOf = (name: string, type: FieldType, columns: ParquetColumns): string => valueSql(`e.${duckdbName(name)}`, type, columns.get(name) ?? '');

/** The file's columns. @throws MillraceError FEATURE_SPINE_INVALID where one is missing or of another type */
export async function columnsOf(session: DuckdbColumnSession, file: string, { source, keyFields, fields }: EventRequest): Promise<ParquetColumns> {
  const found = new Map(
    (await session.describe(`SELECT * FROM read_parquet(${duckdbText(file)})`)).map(({ name, type }) => [name, type]),
  );
  const problems = [...new Set([source.eventTime, ...keyFields, ...fields])].flatMap((name) => {
    const type = found.get(name);
    const wanted = source.schema[name]?.type ?? 'string';
    if (type === undefined) return [`no column '${name}'`];
    return fitsType(wanted, type) ? [] : [`column '${name}': expected a ${wanted}, found ${type}`];
  });
  const known = found.get(KNOWN_TIME);
  if (known !== undefined && !fitsType('timestamp', known)) problems.push(`column '${KNOWN_TIME}': expected a timestamp, found ${known}`);
  if (problems.length === 0) return found;
  throw new MillraceError(
    'FEATURE_SPINE_INVALID',
    `Events of source '${source.name}' in '${path.basename(file)}': ${problems.join('; ')}. Give the source's fields as columns, named as they are.`,
  );
}

/**
 * Holds a file to the source's schema as ingest holds events to it, in the columns that are read, by what DuckDB has from the file's statistics,
 * as a rule without reading a row. They know nothing of NaN: that is looked for in what is read.
 * @throws MillraceError FEATURE_SPINE_INVALID with how many rows are wrong, by column
 */
export async function checkFile(session: DuckdbColumnSession, file: string, columns: ParquetColumns, request: EventRequest): Promise<void> {
  const tests = fieldsRead(columns, request).flatMap(([name, field]) => boundsOf(name, field, columns));
  let isSound = false;
  await session.stream(`SELECT (${tests.join(' AND ')})::DOUBLE FROM read_parquet(${duckdbText(file)}) e`, (_, found) => {
    isSound = (found[0]![0] as number) === 1;
    return true;
  });
  if (!isSound) await checkRows(session, file, columns, request);
}

/**
 * The same by all rows.
 * @throws MillraceError FEATURE_SPINE_INVALID with how many rows are wrong, by column
 */
export async function checkRows(session: DuckdbColumnSession, file: string, columns: ParquetColumns, request: EventRequest): Promise<void> {
  const { source } = request;
  const tests = fieldsRead(columns, request).flatMap(([name, field]) => testsOf(name, field, columns));
  const counts = tests.map(({ count }) => `(${count})::DOUBLE`);
  const problems: string[] = [];
  await session.stream(`SELECT ${counts.join(', ')} FROM read_parquet(${duckdbText(file)}) e`, (_, found) => {
    tests.forEach(({ name, what }, i) => {
      const rows = found[i]![0] as number;
      if (rows > 0) problems.push(`column '${name}' is ${what} in ${rows} ${rows === 1 ? 'row' : 'rows'}`);
    });
    return true;
  });
  if (problems.length === 0) return;
  throw new MillraceError(
    'FEATURE_SPINE_INVALID',
    `Events of source '${source.name}' in '${path.basename(file)}': expected what its schema says, found that ${problems.join('; ')}. Correct those rows or leave them out.`,
  );
}

/** The columns of a file that a scan reads, and what each has to hold. */
function fieldsRead(columns: ParquetColumns, { source, keyFields, fields }: EventRequest): (readonly [name: string, field: Field])[] {
  const names = [...new Set([source.eventTime, ...keyFields, ...fields])];
  return [
    ...names.map((name) => [name, source.schema[name] ?? { type: 'string', nullable: true }] as const),
    ...(columns.has(KNOWN_TIME) ? [[KNOWN_TIME, { type: 'timestamp', nullable: false }] as const] : []),
    ...(hasPlace(columns) ? PLACE.map((name) => [name, { type: 'number', nullable: false }] as const) : []),
  ];
}

/** Tests of a whole column, of its least and its greatest value, that DuckDB answers by the file's statistics where it has them. */
function boundsOf(name: string, { type, nullable }: Field, columns: ParquetColumns): string[] {
  const column = `e.${duckdbName(name)}`;
  const present = nullable ? [] : [`count(${column}) = count(*)`];
  if (type !== 'number' && type !== 'timestamp') return present;
  const [least, greatest] = ['min', 'max'].map((end) => `abs(${valueSql(`${end}(${column})`, type, columns.get(name) ?? '')})`);
  const bound = type === 'number' ? NUMBER_MAGNITUDE_MAX : TIME_MAGNITUDE_MAX_MS;
  return [...present, `(count(${column}) = 0 OR coalesce(${least} <= ${bound} AND ${greatest} <= ${bound}, false))`];
}

/** What a row of the file must not be, and the aggregate that counts those that are. */
interface RowTest {
  readonly name: string;
  readonly what: string;
  readonly count: string;
}

function testsOf(name: string, { type, nullable }: Field, columns: ParquetColumns): RowTest[] {
  const column = `e.${duckdbName(name)}`;
  const missing = nullable ? [] : [{ name, what: 'null', count: `count(*) - count(${column})` }];
  const counted = (what: string, test: string): RowTest[] => [...missing, { name, what, count: `count(*) FILTER (WHERE ${test})` }];
  if (type === 'number') {
    const value = sqlOf(name, type, columns);
    // NaN is how many libraries write null.
    return counted(`no finite number of magnitude up to ${NUMBER_MAGNITUDE_MAX}`, `NOT abs(${value}) <= ${NUMBER_MAGNITUDE_MAX}${nullable ? ` AND NOT isnan(${value})` : ''}`);
  }
  if (type !== 'timestamp') return missing;
  const ms = sqlOf(name, type, columns);
  // Infinite times have no milliseconds.
  return counted('no time that a date can have', `${column} IS NOT NULL AND NOT coalesce(abs(${ms}) <= ${TIME_MAGNITUDE_MAX_MS}, false)`);
}

import path from 'node:path';
import { isMillraceError, messageOf, MillraceError } from '../core/millrace-error.ts';
import { timestamp, type FieldType } from '../define/field.ts';
import type { Source } from '../define/source.ts';
import { parseRow } from '../fold/parse-row.ts';
import { createDuckdb, type DuckdbOptions, type DuckdbSession, type DuckdbValue } from '../infra/duckdb.ts';
import { duckdbName, duckdbText } from '../infra/duckdb-columns.ts';
import { fitsType, valueSql } from '../infra/duckdb-types.ts';
import { typedValue } from '../infra/table-record.ts';
import type { SourceEvent } from './replayer.ts';

export interface EventTable {
  /** A file, or a pattern of several: `trips/*.parquet`. */
  readonly file: string;
  readonly source: Source;
  /** Column that says when each row became known; absent where the source's known time is not carried. */
  readonly knownTime?: string | undefined;
}

/** Problems that one failure lists; the rest is counted. */
const PROBLEMS_MAX = 20;
/** DuckDB's type of all columns of CSV. */
const TEXT = 'VARCHAR';

/**
 * Rows of a table, CSV with a header or Parquet, as events of one source, whose fields its columns are named for; others are passed over. They
 * come in order of their known time, and as in the file where that is one: DuckDB sorts what does not fit in memory on disk.
 * @param onEvents is awaited before more is read
 * @throws MillraceError STREAM_REPLAY_INVALID naming what is wrong with columns, or with rows by their numbers
 */
export async function readEventTable(table: EventTable, options: DuckdbOptions, onEvents: (events: readonly SourceEvent[]) => Promise<void>): Promise<void> {
  assertReplayable(table);
  const duckdb = createDuckdb(options);
  try {
    await duckdb.session((session) => readSorted(session, table, onEvents));
  } catch (error) {
    if (!isMillraceError(error) || error.code !== 'COLD_LOG_QUERY_FAILED') throw error;
    const { cause } = error;
    throw refused(table, `it can't be read: ${messageOf(cause).split('\n', 1)[0]}. Check the path and the file`, cause);
  } finally {
    duckdb.close();
  }
}

function assertReplayable({ file, source, knownTime }: EventTable): void {
  const carried = source.knownTime === 'carried';
  if (source.changes === true) {
    throw refused({ file, source }, 'the source takes changes of rows, which a table of rows is not. Replay them as NDJSON, each with its id, op, before and after');
  }
  if (carried && knownTime === undefined) {
    throw refused({ file, source }, "the source's known time is carried, and no column of it is named. Name the column that says when each row became known with --known-time; it may be that of the event time where nothing came late");
  }
  if (!carried && knownTime !== undefined) {
    throw refused({ file, source }, `the source's known time is the moment at which Kafka has its event, and column '${knownTime}' is named for it. Leave --known-time out, or define the source with knownTime: 'carried'`);
  }
}

async function readSorted(session: DuckdbSession, table: EventTable, onEvents: (events: readonly SourceEvent[]) => Promise<void>): Promise<void> {
  const isText = /\.csv$/i.test(table.file);
  const from = isText ? `read_csv(${duckdbText(table.file)}, header = true, all_varchar = true)` : `read_parquet(${duckdbText(table.file)})`;
  const described = await session.rows(`DESCRIBE SELECT * FROM ${from}`);
  const types = new Map(described.map(([name, type]) => [String(name), String(type)]));
  const fields = columnsOf(table, types, isText);
  const known = table.knownTime === undefined ? [] : [{ name: table.knownTime, type: 'timestamp' as const }];
  const selected = [...fields, ...known].map(({ name, type }) => valueSql(duckdbName(name), type, types.get(name) ?? TEXT));
  const order = table.knownTime === undefined ? 'file_row' : `${orderOf(table.knownTime, types.get(table.knownTime) ?? TEXT)}, file_row`;
  const numbered = `SELECT *, row_number() OVER () AS file_row FROM ${from}`;
  let rows: TableRow[] = [];
  await session.stream(
    `SELECT ${['file_row::DOUBLE', ...selected].join(', ')} FROM (${numbered}) ORDER BY ${order}`,
    ([row, ...values]) => rows.push({ row: row as number, values: values.map((value, i) => typed((fields[i] ?? known[0])!.type, value, isText)) }),
    async () => {
      const events = eventsOf(table, fields.map(({ name }) => name), rows);
      rows = [];
      await onEvents(events);
    },
  );
}

interface TableRow {
  readonly row: number;
  /** Of the fields, and of the known time after them where there is one. */
  readonly values: readonly unknown[];
}

interface Column {
  readonly name: string;
  readonly type: FieldType;
}

/** The source's fields that are there. A field that may be null may be absent. */
function columnsOf(table: EventTable, types: ReadonlyMap<string, string>, isText: boolean): Column[] {
  const { schema } = table.source;
  const problems: string[] = [];
  const check = (name: string, type: FieldType): boolean => {
    const found = types.get(name);
    if (found === undefined) problems.push(`no column '${name}'`);
    else if (!isText && !fitsType(type, found) && !isInstantText(type, found)) problems.push(`column '${name}': expected a ${type}, found ${found}`);
    return found !== undefined;
  };
  const columns = Object.entries(schema).flatMap(([name, { type, nullable }]): Column[] => (nullable && !types.has(name)) || !check(name, type) ? [] : [{ name, type }]);
  if (table.knownTime !== undefined) check(table.knownTime, 'timestamp');
  if (problems.length === 0) return columns;
  throw refused(table, `${problems.join('; ')}. Name its columns as the source's fields are; it has ${[...types.keys()].map((name) => `'${name}'`).join(', ')}`);
}

/** Times in ISO 8601 are read here. */
const isInstantText = (type: FieldType, found: string): boolean => type === 'timestamp' && found === TEXT;

/** Texts are ordered as the instants that they say; what is none is refused when its turn comes. */
function orderOf(name: string, found: string): string {
  const column = duckdbName(name);
  if (found !== TEXT) return valueSql(column, 'timestamp', found);
  return `coalesce(TRY_CAST(${column} AS DOUBLE), epoch_ms(TRY_CAST(${column} AS TIMESTAMP))::DOUBLE)`;
}

const typed = (type: FieldType, value: DuckdbValue | undefined, isText: boolean): unknown => (isText ? typedValue(type, value) : (value ?? null));

/** All problems of some rows together. */
function eventsOf(table: EventTable, names: readonly string[], rows: readonly TableRow[]): SourceEvent[] {
  const { source, knownTime } = table;
  const time = { known: timestamp() };
  const problems: string[] = [];
  const events = rows.flatMap(({ row, values }): SourceEvent[] => {
    const payload = parseRow(source.schema, Object.fromEntries(names.map((name, i) => [name, values[i]])));
    const known = knownTime === undefined ? undefined : parseRow(time, { known: values[names.length] });
    if (payload.ok && known?.ok !== false) {
      return [{ source: source.name, id: payload.row[source.id] as string, payload: payload.row, knownTime: (known?.row['known'] as number | undefined) ?? null }];
    }
    if (!payload.ok) problems.push(...payload.problems.map((problem) => `row ${row}: ${problem}`));
    if (known?.ok === false) problems.push(...known.problems.map((problem) => `row ${row}: ${problem.replace("field 'known'", `column '${knownTime}'`)}`));
    return [];
  });
  if (problems.length === 0) return events;
  const more = problems.length > PROBLEMS_MAX ? `; and ${problems.length - PROBLEMS_MAX} more` : '';
  throw refused(table, `${problems.slice(0, PROBLEMS_MAX).join('; ')}${more}. Correct them; rows that became known before were sent, and change nothing when they are sent again within the dedupe window`);
}

const refused = ({ file, source }: Pick<EventTable, 'file' | 'source'>, what: string, cause?: unknown): MillraceError =>
  new MillraceError('STREAM_REPLAY_INVALID', `Events of source '${source.name}' in '${path.basename(file)}': ${what}.`, { cause });

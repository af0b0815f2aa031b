import path from 'node:path';
import { messageOf, MillraceError } from '../../core/millrace-error.ts';
import type { Source } from '../../define/source.ts';
import { duckdbText, openDuckdbColumns, type DuckdbColumns, type DuckdbColumnSession } from '../../infra/duckdb-columns.ts';
import { SEQUENCE_OFFSETS_MAX } from './event-sequence.ts';
import { blockOf, keyColumns, SCANS_AT_ONCE, type EventBlock, type EventReader, type EventRequest, type EventScan, type ScanWork } from './event-reader.ts';
import { checkFile, checkRows, columnsOf, hasPlace, KNOWN_TIME, sqlOf, type ParquetColumns } from './parquet-columns.ts';
import { shareOut } from './share-out.ts';

/** By source: a Parquet file of its events, or a pattern of several. */
export type EventFiles = Readonly<Record<string, string>>;

/**
 * Events from Parquet files, read by DuckDB. A file has the source's fields as columns; a column `known_time` says when
 * each event became known, without it an event was known when it happened. `source_partition` and `source_offset`, where
 * they are there, order events of one moment as the log does.
 */
export function parquetEvents(
  files: EventFiles,
  options: { readonly threads: number; readonly memoryMb: number; readonly spillTo: string },
): EventReader {
  let opened: Promise<DuckdbColumns> | undefined;
  let tables = 0;
  /** By file and columns: the scans of later chunks find the same rows. */
  const checked = new Map<string, Promise<void>>();
  return {
    async withScans(requests, work) {
      const scans = requests.map((request) => ({ request, file: files[request.source.name] ?? noFile(request.source, files) }));
      if (requests.length === 0) return;
      const duckdb = await (opened ??= openDuckdbColumns(options));
      const table = `spine_keys_${++tables}`;
      try {
        await duckdb.session((session) => createKeys(session, table, requests[0]!));
        await shareOut(SCANS_AT_ONCE, scans.length, async (next) => {
          for (let i = next(); i !== undefined; i = next()) await scanFile({ duckdb, table, checked }, scans[i]!, i, work);
        });
      } finally {
        // What can't be dropped goes with the database; why the scans failed is the error to tell.
        await duckdb.session((session) => session.run(`DROP TABLE IF EXISTS ${table}`)).catch(() => undefined);
      }
    },
    async close() {
      (await opened)?.close();
    },
  };
}

interface Scanning {
  readonly duckdb: DuckdbColumns;
  readonly table: string;
  readonly checked: Map<string, Promise<void>>;
}

async function scanFile({ duckdb, table, checked }: Scanning, { request, file }: { request: EventRequest; file: string }, i: number, work: ScanWork): Promise<void> {
  try {
    await duckdb.session(async (session) => {
      const columns = await columnsOf(session, file, request);
      const asked = JSON.stringify([file, request.keyFields, request.fields]);
      if (!checked.has(asked)) checked.set(asked, checkFile(session, file, columns, request));
      await checked.get(asked);
      await work(openScan(session, queryOf(file, table, columns, request), request, () => checkRows(session, file, columns, request)), i);
    });
  } catch (error) {
    throw translate(error, file, request.source);
  }
}

/** A table of the keys, which all scans join. */
async function createKeys(session: DuckdbColumnSession, table: string, { keys, keyFields, moments }: EventRequest): Promise<void> {
  const names = keyFields.map((_, field) => `key_${field} VARCHAR`);
  await session.run(`CREATE TABLE ${table} (${[...names, 'id INTEGER', 'earliest DOUBLE', 'latest DOUBLE'].join(', ')})`);
  const ids = Int32Array.from(keys, (_, id) => id);
  await session.append(table, [...keyColumns(keys, keyFields.length), ids, moments.earliest, moments.latest]);
}

/** @param refuse tells what is wrong with the file's rows, once one of them shows it */
function openScan(session: DuckdbColumnSession, query: string, { source, fields, visibleBy }: EventRequest, refuse: () => Promise<void>): EventScan {
  const by = visibleBy === 'known' ? 'known' : 'effective';
  const isNumber = fields.map((name) => source.schema[name]?.type === 'number' && !source.schema[name].nullable);
  const scan = async (sql: string, onBlock: (block: EventBlock) => boolean): Promise<void> => {
    let isWrong = false;
    await session.stream(sql, (rows, columns) => {
      const block = blockOf(rows, columns);
      isWrong = block.fields.some((column, field) => isNumber[field] === true && hasNaN(column as Float64Array));
      return !isWrong && onBlock(block);
    });
    if (isWrong) await refuse();
  };
  return {
    some(rowsMax, onBlock) {
      let found = 0;
      // A LIMIT would have DuckDB keep the order of the file, with one thread.
      return scan(query, (block) => {
        onBlock(block);
        return (found += block.rows) < rowsMax;
      });
    },
    ordered: (onBlock) =>
      scan(`${query} ORDER BY ${by}, sequence`, (block) => {
        onBlock(block);
        return true;
      }),
  };
}

function hasNaN(column: Float64Array): boolean {
  for (let i = 0; i < column.length; i++) if (Number.isNaN(column[i])) return true;
  return false;
}

function queryOf(file: string, table: string, columns: ParquetColumns, request: EventRequest): string {
  const { source, keyFields, fields, reachMs, knownAfter, knownTo, happenedTo, visibleBy } = request;
  const eventTime = sqlOf(source.eventTime, 'timestamp', columns);
  const known = columns.has(KNOWN_TIME) ? sqlOf(KNOWN_TIME, 'timestamp', columns) : eventTime;
  const sequence = hasPlace(columns)
    ? `(e.source_partition::BIGINT * ${SEQUENCE_OFFSETS_MAX} + e.source_offset)::DOUBLE`
    : 'e.file_row_number::DOUBLE';
  const values = fields.map((name) => {
    const { type = 'string' } = source.schema[name] ?? {};
    const value = sqlOf(name, type, columns);
    if (type === 'string') return value;
    const number = type === 'boolean' ? `${value}::DOUBLE` : value;
    // A column without nulls comes over as it is.
    return source.schema[name]?.nullable === true ? `coalesce(${number}, 'NaN'::DOUBLE)` : number;
  });
  const joined = keyFields.map((name, field) => `${sqlOf(name, 'string', columns)} = k.key_${field}`);
  const effective = `least(${eventTime}, ${known})`;
  const visible = visibleBy === 'known' ? known : effective;
  const tests = [
    `${visible} <= k.latest`,
    ...(reachMs === Infinity ? [] : [`${visible} >= k.earliest - ${reachMs}`]),
    `${known} <= ${knownTo}`,
    ...(knownAfter === undefined ? [] : [`${known} > ${knownAfter}`]),
    ...(happenedTo === undefined ? [] : [`${effective} <= ${happenedTo}`]),
  ];
  const selected = [
    'k.id',
    `${effective} AS effective`,
    `${known} AS known`,
    `${sequence} AS sequence`,
    ...values.map((value, i) => `${value} AS value_${i}`),
  ];
  return `SELECT ${selected.join(', ')} FROM read_parquet(${duckdbText(file)}, file_row_number = true) e JOIN ${table} k ON ${joined.length === 0 ? 'true' : joined.join(' AND ')} WHERE ${tests.join(' AND ')}`;
}

function noFile(source: Source, files: EventFiles): never {
  throw new MillraceError(
    'FEATURE_SPINE_INVALID',
    `Source '${source.name}' has no file of events; there are files of ${Object.keys(files).join(', ')}. Give one with --events ${source.name}=<file.parquet>, or none at all to read the offline log.`,
  );
}

function translate(error: unknown, file: string, source: Source): unknown {
  // The driver throws plain errors; everything else is ours.
  if (!(error instanceof Error) || error.name !== 'Error') return error;
  return new MillraceError(
    'FEATURE_SPINE_INVALID',
    `Events of source '${source.name}' in '${path.basename(file)}' can't be read: ${messageOf(error)}. Check the path and the file.`,
    { cause: error },
  );
}

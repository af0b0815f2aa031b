import path from 'node:path';
import { messageOf, MillraceError } from '../../core/millrace-error.ts';
import { SOURCE_PARTITIONS_MAX, type Source } from '../../define/source.ts';
import { duckdbName, duckdbText, openDuckdb, type Duckdb, type DuckdbColumn } from '../../infra/duckdb.ts';
import type { Column } from '../copy-columns.ts';
import { keyColumns, type EventBlock, type EventReader, type EventRequest } from './event-reader.ts';

/** By source: a Parquet file of its events, or a pattern of several. */
export type EventFiles = Readonly<Record<string, string>>;

const OFFSETS_MAX = 2 ** 53 / SOURCE_PARTITIONS_MAX;
const KNOWN_TIME = 'known_time';

/**
 * Events from Parquet files, read by DuckDB. A file has the source's fields as columns; a column `known_time` says when
 * each event became known, without it an event was known when it happened. `source_partition` and `source_offset`, where
 * they are there, order events of one moment as the log does.
 */
export function parquetEvents(
  files: EventFiles,
  options: { readonly threads: number; readonly memoryMb: number; readonly spillTo: string },
): EventReader {
  return {
    async withScan(request, work) {
      const file = files[request.source.name];
      if (file === undefined) throw noFile(request.source, files);
      const duckdb = await openDuckdb(options);
      try {
        await work(await openScan(duckdb, file, request));
      } catch (error) {
        throw translate(error, file, request.source);
      } finally {
        duckdb.close();
      }
    },
  };
}

async function openScan(duckdb: Duckdb, file: string, request: EventRequest) {
  const columns = await columnsOf(duckdb, file, request);
  const names = request.keyFields.map((_, field) => `key_${field}`);
  await duckdb.run(`CREATE TABLE spine_keys (${[...names.map((name) => `${name} VARCHAR`), 'id INTEGER'].join(', ')})`);
  await duckdb.append('spine_keys', [...keyColumns(request.keys, names.length), request.keys.map((_, id) => id)]);
  const query = queryOf(file, columns, request);
  const run = async (ending: string, onBlock: (block: EventBlock) => void): Promise<void> =>
    duckdb.stream(`${query}${ending}`, (rows, found) => onBlock(blockOf(rows, found)));
  const by = request.visibleBy === 'known' ? 'known' : 'effective';
  return {
    some: (rowsMax: number, onBlock: (block: EventBlock) => void) => run(` LIMIT ${Math.trunc(rowsMax)}`, onBlock),
    ordered: (onBlock: (block: EventBlock) => void) => run(` ORDER BY ${by}, sequence`, onBlock),
  };
}

/** The file's columns, by name, with their types. @throws MillraceError FEATURE_SPINE_INVALID where one is missing or of another type */
async function columnsOf(duckdb: Duckdb, file: string, { source, keyFields, fields }: EventRequest): Promise<ReadonlyMap<string, string>> {
  const found = new Map(
    (await duckdb.describe(`SELECT * FROM read_parquet(${duckdbText(file)})`)).map(({ name, type }) => [name, type]),
  );
  const problems = [...new Set([source.eventTime, ...keyFields, ...fields])].flatMap((name) => {
    const type = found.get(name);
    const wanted = source.schema[name]?.type ?? 'string';
    if (type === undefined) return [`no column '${name}'`];
    return fits(wanted, type) ? [] : [`column '${name}': expected a ${wanted}, found ${type}`];
  });
  const known = found.get(KNOWN_TIME);
  if (known !== undefined && !fits('timestamp', known)) problems.push(`column '${KNOWN_TIME}': expected a timestamp, found ${known}`);
  if (problems.length === 0) return found;
  throw new MillraceError(
    'FEATURE_SPINE_INVALID',
    `Events of source '${source.name}' in '${path.basename(file)}': ${problems.join('; ')}. Give the source's fields as columns, named as they are.`,
  );
}

const NUMERIC = /^(DOUBLE|FLOAT|U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DECIMAL.*)$/;

function fits(wanted: string, type: string): boolean {
  if (wanted === 'timestamp') return type.startsWith('TIMESTAMP') || type === 'BIGINT';
  if (wanted === 'number') return NUMERIC.test(type);
  return type === (wanted === 'boolean' ? 'BOOLEAN' : 'VARCHAR');
}

/** Ms since the epoch as a double. */
const millisecondsOf = (name: string, type: string | undefined): string =>
  type === 'BIGINT' ? `e.${duckdbName(name)}::DOUBLE` : `epoch_ms(e.${duckdbName(name)}::TIMESTAMP)::DOUBLE`;

function queryOf(file: string, columns: ReadonlyMap<string, string>, request: EventRequest): string {
  const { source, keyFields, fields, knownAfter, knownTo, happenedTo } = request;
  const eventTime = millisecondsOf(source.eventTime, columns.get(source.eventTime));
  const known = columns.has(KNOWN_TIME) ? millisecondsOf(KNOWN_TIME, columns.get(KNOWN_TIME)) : eventTime;
  const inLog = columns.has('source_partition') && columns.has('source_offset');
  const sequence = inLog
    ? `(e.source_partition::BIGINT * ${OFFSETS_MAX} + e.source_offset)::DOUBLE`
    : 'e.file_row_number::DOUBLE';
  const values = fields.map((name) => {
    const { type = 'string' } = source.schema[name] ?? {};
    const quoted = `e.${duckdbName(name)}`;
    if (type === 'string') return quoted;
    const number = type === 'timestamp' ? millisecondsOf(name, columns.get(name)) : `${quoted}::DOUBLE`;
    // A column without nulls comes over as it is.
    return source.schema[name]?.nullable === true ? `coalesce(${number}, 'NaN'::DOUBLE)` : number;
  });
  const joined = keyFields.map((name, field) => `e.${duckdbName(name)} = k.key_${field}`);
  const tests = [
    `${known} <= ${knownTo}`,
    ...(knownAfter === undefined ? [] : [`${known} > ${knownAfter}`]),
    ...(happenedTo === undefined ? [] : [`least(${eventTime}, ${known}) <= ${happenedTo}`]),
  ];
  const selected = [
    'k.id',
    `least(${eventTime}, ${known}) AS effective`,
    `${known} AS known`,
    `${sequence} AS sequence`,
    ...values.map((value, i) => `${value} AS value_${i}`),
  ];
  return `SELECT ${selected.join(', ')} FROM read_parquet(${duckdbText(file)}, file_row_number = true) e JOIN spine_keys k ON ${joined.length === 0 ? 'true' : joined.join(' AND ')} WHERE ${tests.join(' AND ')}`;
}

function blockOf(rows: number, columns: readonly DuckdbColumn[]): EventBlock {
  const [keyIds, effectiveTime, knownTime, sequence, ...fields] = columns as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    ...Column[],
  ];
  return { rows, keyIds, effectiveTime, knownTime, sequence, fields };
}

const noFile = (source: Source, files: EventFiles): MillraceError =>
  new MillraceError(
    'FEATURE_SPINE_INVALID',
    `Source '${source.name}' has no file of events; there are files of ${Object.keys(files).join(', ')}. Give one with --events ${source.name}=<file.parquet>, or none at all to read the offline log.`,
  );

function translate(error: unknown, file: string, source: Source): unknown {
  // The driver throws plain errors; everything else is ours.
  if (!(error instanceof Error) || error.name !== 'Error') return error;
  return new MillraceError(
    'FEATURE_SPINE_INVALID',
    `Events of source '${source.name}' in '${path.basename(file)}' can't be read: ${messageOf(error)}. Check the path and the file.`,
    { cause: error },
  );
}

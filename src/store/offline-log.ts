import type { FieldType, Row } from '../define/field.ts';
import type { Source } from '../define/source.ts';
import { quoteIdentifier, type Postgres, type Queryable } from '../infra/postgres.ts';
import { prunedTotals } from './cold-log/cold-files.ts';
import { scanColdAndHot } from './cold-log/scan-cold-and-hot.ts';
import { CopyWriter, storableBound, type CopyValue } from './copy-binary.ts';
import { copyRows } from './copy-reader.ts';
import type { LogFilter } from './log-filter.ts';
import { logMetaColumns, logMetaTypes, logTable } from './log-table.ts';

/** One event of the offline log. Times are ms since the epoch. */
export interface LoggedEvent {
  readonly sourcePartition: number;
  readonly sourceOffset: number;
  /** As the payload gave it. */
  readonly eventTime: number;
  /** The event time that features use: never later than the known time. */
  readonly effectiveTime: number;
  readonly knownTime: number;
  readonly row: Row;
}

export type { LogFilter } from './log-filter.ts';

const DAY_MS = 86_400_000;
const metaNames = logMetaColumns.map((column) => column.name);

/** Appends events to the log of their source; the caller's transaction moves the position. */
export async function appendEvents(
  tx: Queryable,
  source: Source,
  events: readonly LoggedEvent[],
): Promise<void> {
  if (events.length === 0) return;
  if (events.length < COPY_ROWS_MIN) await insertEvents(tx, source, events);
  else await copyEvents(tx, source, events);
}

/** COPY takes two round trips and a stream; below this many rows one statement is quicker. */
const COPY_ROWS_MIN = 128;

async function copyEvents(tx: Queryable, source: Source, events: readonly LoggedEvent[]): Promise<void> {
  const fields = Object.entries(source.schema);
  const writer = new CopyWriter();
  for (const event of events) {
    writer.startRow(logMetaTypes.length + fields.length);
    writer.add('int4', event.sourcePartition);
    writer.add('int8', event.sourceOffset);
    writer.add('timestamp', event.eventTime);
    writer.add('timestamp', event.effectiveTime);
    writer.add('timestamp', event.knownTime);
    for (const [name, field] of fields) writer.add(field.type, event.row[name] ?? null);
  }
  const columns = [...metaNames, ...fields.map(([name]) => quoteIdentifier(name))].join(', ');
  await tx.copyIn(`COPY ${logTable(source.name)} (${columns}) FROM STDIN (FORMAT binary)`, [writer.finish()]);
}

/** Times travel as ms in double precision. What is added to the epoch are whole days and a rest: microseconds of a far year are no double. */
const arrayTypes = { string: 'text', number: 'float8', boolean: 'boolean', timestamp: 'float8' } as const;

async function insertEvents(tx: Queryable, source: Source, events: readonly LoggedEvent[]): Promise<void> {
  const fields = Object.entries(source.schema);
  const time = (column: string): string => {
    const days = `floor(${column} / ${DAY_MS})`;
    return `timestamptz 'epoch' + ${days} * interval '24 hours' + (${column} - ${days} * ${DAY_MS}) * interval '1 millisecond'`;
  };
  const types = [
    'int',
    'bigint',
    'float8',
    'float8',
    'float8',
    ...fields.map(([, field]) => arrayTypes[field.type]),
  ];
  const columns = [...metaNames, ...fields.map(([name]) => quoteIdentifier(name))];
  const selected = types.map((_, i) => {
    const isTime = i >= logMetaTypes.length ? fields[i - logMetaTypes.length]?.[1].type === 'timestamp' : i >= 2;
    return isTime ? time(`c${i}`) : `c${i}`;
  });
  await tx.query(
    `INSERT INTO ${logTable(source.name)} (${columns.join(', ')}) SELECT ${selected.join(', ')}
     FROM unnest(${types.map((type, i) => `$${i + 1}::${type}[]`).join(', ')}) AS e(${types.map((_, i) => `c${i}`).join(', ')})`,
    [
      events.map((event) => event.sourcePartition),
      events.map((event) => event.sourceOffset),
      events.map((event) => event.eventTime),
      events.map((event) => event.effectiveTime),
      events.map((event) => event.knownTime),
      ...fields.map(([name]) => events.map((event) => event.row[name] ?? null)),
    ],
  );
}

/**
 * Reads events with the given fields, from Postgres and, where rows were pruned, from the cold log. The event and its row
 * handed to `onEvent` are used again for the next one: copy what has to stay. `onPause` is awaited between chunks, so
 * that a slow reader holds the store back.
 * @throws MillraceError COLD_LOG_NOT_OPENED, COLD_LOG_FILE_MISSING, COLD_LOG_FILE_CORRUPT, STORE_UNAVAILABLE
 */
export async function scanEvents(
  db: Queryable,
  source: Source,
  fields: readonly string[],
  filter: LogFilter,
  onEvent: (event: LoggedEvent) => void,
  onPause?: () => Promise<void>,
): Promise<void> {
  const columns = fields.map((name) => ({ name, type: source.schema[name]?.type ?? 'string' }));
  const row: Record<string, CopyValue> = {};
  const event = {
    sourcePartition: 0,
    sourceOffset: 0,
    eventTime: 0,
    effectiveTime: 0,
    knownTime: 0,
    row: row as Row,
  };
  const onRow = (values: readonly CopyValue[]): void => {
    event.sourcePartition = values[0] as number;
    event.sourceOffset = values[1] as number;
    event.eventTime = values[2] as number;
    event.effectiveTime = values[3] as number;
    event.knownTime = values[4] as number;
    for (let i = 0; i < fields.length; i++)
      row[fields[i] as string] = values[logMetaTypes.length + i] as CopyValue;
    onEvent(event);
  };
  await scanColdAndHot(db, {
    source,
    columns,
    filter,
    onRow,
    onPause,
    scanHot: (tx, take, pause) =>
      scanTable(tx, source, columns, `${logCondition(filter)}${orders[filter.order]}`, take, pause),
  });
}

/** Hands the rows of a log's table to `onRow`, in one array that is used again: its own columns, then the given ones. */
export async function scanTable(
  tx: Queryable,
  source: Source,
  columns: readonly { readonly name: string; readonly type: FieldType }[],
  clauses: string,
  onRow: (values: readonly CopyValue[]) => void,
  onPause?: () => Promise<void>,
): Promise<void> {
  const reader = copyRows([...logMetaTypes, ...columns.map(({ type }) => type)], onRow);
  const names = [...metaNames, ...columns.map(({ name }) => quoteIdentifier(name))].join(', ');
  await tx.copyOut(`COPY (SELECT ${names} FROM ${logTable(source.name)}${clauses}) TO STDOUT (FORMAT binary)`, (chunk) => {
    reader.push(chunk);
    return onPause?.();
  });
}

const orders = {
  known: ' ORDER BY known_time, source_partition, source_offset',
  happened: ' ORDER BY effective_time, source_partition, source_offset',
  offset: ' ORDER BY source_partition, source_offset',
  any: '',
} as const;

/** COPY takes no parameters; every value here is a number, written as one. */
export function logCondition(filter: Omit<LogFilter, 'order'>): string {
  const time = (ms: number): string => `timestamptz 'epoch' + ${String(storableBound(ms))} * interval '1 millisecond'`;
  const tests: string[] = [];
  if (filter.knownTo !== undefined) tests.push(`known_time <= ${time(filter.knownTo)}`);
  if (filter.knownAfter !== undefined) tests.push(`known_time > ${time(filter.knownAfter)}`);
  if (filter.happenedTo !== undefined) tests.push(`effective_time <= ${time(filter.happenedTo)}`);
  if (filter.sourcePartition !== undefined)
    tests.push(`source_partition = ${Math.trunc(filter.sourcePartition)}`);
  if (filter.fromOffset !== undefined) tests.push(`source_offset >= ${Math.trunc(filter.fromOffset)}`);
  if (filter.beforeOffset !== undefined) tests.push(`source_offset < ${Math.trunc(filter.beforeOffset)}`);
  return tests.length === 0 ? '' : ` WHERE ${tests.join(' AND ')}`;
}

/** Newest known time over the logs of the sources, hot and cold, ms since the epoch; null where they are all empty. */
export async function newestKnownTime(
  postgres: Postgres,
  sources: readonly Source[],
): Promise<number | null> {
  let newest: number | null = null;
  for (const source of sources) {
    const [found] = await postgres.query<{ ms: number | null }>(
      `SELECT (extract(epoch FROM max(known_time)) * 1000)::float8 AS ms FROM ${logTable(source.name)}`,
    );
    const { newestKnown } = await prunedTotals(postgres, source.name);
    for (const ms of [found?.ms ?? null, newestKnown]) if (ms !== null && (newest === null || ms > newest)) newest = ms;
  }
  return newest;
}

import { quoteIdentifier, type Postgres, type Queryable } from '../../infra/postgres.ts';
import { CopyWriter, storableBound } from '../copy-binary.ts';
import { CopyColumns } from '../copy-columns.ts';
import { logTable } from '../log-table.ts';
import { logCondition } from '../offline-log.ts';
import { SEQUENCE_OFFSETS_MAX } from './event-sequence.ts';
import { mayBeCold, mergedScan } from './merged-events.ts';
import { blockOf, keyColumns, SCANS_AT_ONCE, type EventBlock, type EventReader, type EventRequest, type ScanWork } from './event-reader.ts';
import { shareOut, type Next } from './share-out.ts';

/** Of PostgreSQL's samples of keys, 300 rows each. */
const STATISTICS_TARGET = 10;

/**
 * Events from the offline log. Only those of the keys in question cross the wire: the keys are copied into a temporary
 * table that the log is joined with, and come back as the numbers that they had. Where some may be in files of the cold log,
 * all rows are read instead, from both.
 * @throws MillraceError COLD_LOG_NOT_OPENED, COLD_LOG_FILE_MISSING, COLD_LOG_FILE_CORRUPT, STORE_UNAVAILABLE
 */
export function postgresEvents(postgres: Postgres): EventReader {
  return {
    async withScans(requests, work) {
      const cold: number[] = [];
      await shareOut(SCANS_AT_ONCE, requests.length, async (next) => {
        cold.push(...(await scanJoined(postgres, requests, next, work)));
      });
      for (const i of cold) await work(mergedScan(postgres, requests[i]!), i);
    },
    close: () => Promise.resolve(),
  };
}

/**
 * One lane's scans over one connection, to which the keys are copied once.
 * @returns those that were not scanned, since events may be in files only: one snapshot has both, the list of files and the rows
 */
const scanJoined = (postgres: Postgres, requests: readonly EventRequest[], next: Next, work: ScanWork): Promise<number[]> =>
  postgres.transaction(async (tx) => {
    await tx.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ');
    const reaches = [...new Set(requests.map(({ reachMs }) => reachMs))];
    const cold: number[] = [];
    let copied = false;
    for (let i = next(); i !== undefined; i = next()) {
      const request = requests[i]!;
      if (await mayBeCold(tx, request)) {
        cold.push(i);
        continue;
      }
      if (!copied) await copyKeys(tx, request, reaches);
      copied = true;
      const from = fromColumn(reaches.indexOf(request.reachMs));
      const byTime = `${request.visibleBy === 'known' ? 'known_time' : 'effective_time'}, source_partition, source_offset`;
      await work(
        {
          some: (rowsMax, onBlock) => scan(tx, request, from, ` LIMIT ${Math.trunc(rowsMax)}`, onBlock),
          ordered: (onBlock) => scan(tx, request, from, ` ORDER BY ${byTime}`, onBlock),
        },
        i,
      );
    }
    return cold;
  });

const keyColumn = (field: number): string => `millrace_key_${field}`;
/** When the first event can have become visible that a row of the key reads, by how far scans reach back. */
const fromColumn = (reach: number): string => `millrace_from_${reach}`;

async function copyKeys(tx: Queryable, { keys, keyFields, moments }: EventRequest, reachesMs: readonly number[]): Promise<void> {
  const keyNames = keyFields.map((_, field) => keyColumn(field));
  const times = [...reachesMs.map((_, reach) => fromColumn(reach)), 'millrace_to'];
  await tx.query(
    `CREATE TEMPORARY TABLE spine_keys (millrace_id integer NOT NULL, ${[...times.map((name) => `${name} timestamptz NOT NULL`), ...keyNames.map((name) => `${name} text NOT NULL`)].join(', ')}) ON COMMIT DROP`,
  );
  const columns = keyColumns(keys, keyFields.length);
  const writer = new CopyWriter();
  for (let id = 0; id < keys.length; id++) {
    writer.startRow(1 + times.length + columns.length);
    writer.add('int4', id);
    for (const reachMs of reachesMs) writer.add('timestamp', storableBound(moments.earliest[id]! - reachMs));
    writer.add('timestamp', storableBound(moments.latest[id]!));
    for (const column of columns) writer.add('string', column[id]!);
  }
  const names = ['millrace_id', ...times, ...keyNames].join(', ');
  await tx.copyIn(`COPY pg_temp.spine_keys (${names}) FROM STDIN (FORMAT binary)`, [writer.finish()]);
  // Without it the planner takes the table for one of a few rows and nests loops. A sample tells it: keys are distinct.
  await tx.query(`SET LOCAL default_statistics_target = ${STATISTICS_TARGET}`);
  await tx.query('ANALYZE pg_temp.spine_keys');
}

async function scan(
  tx: Queryable,
  request: EventRequest,
  from: string,
  ending: string,
  onBlock: (block: EventBlock) => void,
): Promise<void> {
  const { source, keyFields, fields, knownAfter, knownTo, happenedTo, visibleBy } = request;
  const types = fields.map((name) => source.schema[name]?.type ?? 'string');
  const reader = new CopyColumns(['int4', 'timestamp', 'timestamp', 'int8', ...types], (rows, found) =>
    onBlock(blockOf(rows, found)),
  );
  const columns = [
    'k.millrace_id',
    'effective_time',
    'known_time',
    `source_partition * ${SEQUENCE_OFFSETS_MAX}::bigint + source_offset`,
    ...fields.map((name) => `e.${quoteIdentifier(name)}`),
  ];
  const visible = visibleBy === 'known' ? 'known_time' : 'effective_time';
  const joined = [
    ...keyFields.map((name, field) => `e.${quoteIdentifier(name)} = k.${keyColumn(field)}`),
    `e.${visible} BETWEEN k.${from} AND k.millrace_to`,
  ];
  const condition = logCondition({
    ...(knownAfter === undefined ? {} : { knownAfter }),
    ...(happenedTo === undefined ? {} : { happenedTo }),
    knownTo,
  });
  const query = `SELECT ${columns.join(', ')} FROM ${logTable(source.name)} e JOIN pg_temp.spine_keys k ON ${joined.join(' AND ')}${condition}${ending}`;
  await tx.copyOut(`COPY (${query}) TO STDOUT (FORMAT binary)`, (chunk) => reader.push(chunk));
  reader.end();
}

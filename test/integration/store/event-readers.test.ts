import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { entityKeyOf } from '../../../src/define/entity.ts';
import type { Source } from '../../../src/define/source.ts';
import { boolean, nullable, number, source, string, timestamp } from '../../../src/index.ts';
import { duckdbText, openDuckdbColumns } from '../../../src/infra/duckdb-columns.ts';
import type { EventBlock, EventReader, EventRequest, EventScan } from '../../../src/store/as-of/event-reader.ts';
import { mergedScan } from '../../../src/store/as-of/merged-events.ts';
import { parquetEvents } from '../../../src/store/as-of/parquet-events.ts';
import { postgresEvents } from '../../../src/store/as-of/postgres-events.ts';
import type { LoggedEvent } from '../../../src/store/offline-log.ts';
import { createLog, exportAll, ingest, openColdStage, prune, type ColdStage } from '../../support/store/cold-stage.ts';
import { repositoryRoot } from '../../support/repository-files.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const START = Date.UTC(2024, 4, 1);
const EVENTS = 600;
/** Of a partition: the place of an event in the log is one number. */
const OFFSETS_MAX = 2 ** 53 / 512;
/** The first and the last moment that a request may name. */
const TIME_MAX_MS = 8.64e15;

const readings = source({
  name: 'readings',
  schema: {
    id: string(),
    site: string(),
    device: nullable(string()),
    at: timestamp(),
    value: nullable(number()),
    online: nullable(boolean()),
    'odd "label"': nullable(string()),
    dueAt: nullable(timestamp()),
  },
  id: 'id',
  eventTime: 'at',
  dedupeWindow: '1m',
  partitions: 2,
});
const FIELDS = ['value', 'online', 'odd "label"', 'dueAt'] as const;

/** Three days; some late by hours, several at one moment, some without a key, every field null at times. */
const events: LoggedEvent[] = Array.from({ length: EVENTS }, (_, i) => {
  const at = START + Math.floor(i / 3) * ((3 * DAY_MS) / (EVENTS / 3));
  return {
    sourcePartition: i % 2,
    sourceOffset: Math.floor(i / 2),
    eventTime: at,
    effectiveTime: at,
    knownTime: at + (i % 7 === 0 ? (i % 20) * HOUR_MS : 0),
    row: {
      id: `r${i}`,
      site: `site ${i % 4}`,
      device: i % 11 === 0 ? null : `d${i % 3}`,
      at,
      value: i % 5 === 0 ? null : i / 4 - 20,
      online: i % 6 === 0 ? null : i % 2 === 0,
      'odd "label"': i % 8 === 0 ? null : `it's ${i}`,
      dueAt: i % 9 === 0 ? null : at + i,
    },
  };
});
const KEYS = ['site 0', 'site 1', 'site 3', 'never seen'].flatMap((site) =>
  ['d0', 'd1', 'd2'].map((device) => `${site}\u001f${device}`),
);

let cold: ColdStage;
/** Rows that ingest would have refused: each column's, and how many. */
const WRONG_ROWS = `SELECT * FROM (VALUES
  ('a', 's', 1000::BIGINT, 2000::BIGINT, 4::DOUBLE, 0::BIGINT, 0::BIGINT, 1::BIGINT),
  ('b', 's', NULL, 2000, NULL, 0, 1, NULL),
  ('c', NULL, 1100, NULL, 'Infinity', 0, 2, NULL),
  ('d', NULL, 9000000000000000, 2000, '-inf', 0, 3, -9000000000000000),
  ('e', 's', 1200, 2000, 'NaN', NULL, 4, NULL),
  ('f', 's', 1300, 2000, 1e31, 0, 5, NULL)
) AS rows(id, site, "at", known_time, value, source_partition, source_offset, "dueAt")`;

/** Values 4, NaN and 5, whose statistics are 4 and 5, as pyarrow 26 writes them: `pq.write_table`, without compression and dictionary. */
const NAN_BEHIND_STATISTICS = path.join(repositoryRoot, 'test/support/store/nan-behind-statistics.parquet');

const directory = mkdtempSync(path.join(os.tmpdir(), 'millrace-readers-'));
const file = path.join(directory, 'readings.parquet');
let files: EventReader;

beforeAll(async () => {
  cold = await openColdStage();
  await createLog(cold.db, readings);
  await ingest(cold.db, readings, events);
  const lines = events.map(({ row, knownTime, sourcePartition, sourceOffset }) =>
    JSON.stringify({ ...row, known_time: knownTime, source_partition: sourcePartition, source_offset: sourceOffset }),
  );
  writeFileSync(path.join(directory, 'readings.ndjson'), lines.join('\n'));
  const options = { threads: 1, memoryMb: 128, spillTo: directory };
  const duckdb = await openDuckdbColumns(options);
  await duckdb.run(`COPY (SELECT * FROM read_json(${duckdbText(path.join(directory, 'readings.ndjson'))}, format = 'newline_delimited'))
    TO ${duckdbText(file)} (FORMAT parquet)`);
  duckdb.close();
  files = parquetEvents({ [readings.name]: file }, options);
});
afterAll(async () => {
  await files.close();
  await cold.close();
  rmSync(directory, { recursive: true });
});

/** Keys with moments of their own, some of one moment. */
function requestOf(visibleBy: EventRequest['visibleBy'], reachMs: number, over: Partial<EventRequest> = {}): EventRequest {
  const earliest = Float64Array.from(KEYS, (_, key) => START + (key % 5) * 9 * HOUR_MS);
  const latest = earliest.map((ms, key) => ms + (key % 3) * 11 * HOUR_MS);
  const last = Math.max(...latest);
  return {
    source: readings,
    keyFields: ['site', 'device'],
    keys: KEYS,
    moments: { earliest, latest },
    reachMs,
    fields: FIELDS,
    visibleBy,
    ...(visibleBy === 'known' ? { knownTo: last } : { knownTo: START + 2 * DAY_MS, happenedTo: last }),
    ...(reachMs === Infinity ? {} : { knownAfter: START - reachMs - 1 }),
    ...over,
  };
}

interface Found {
  readonly key: number;
  readonly sequence: number;
  readonly times: readonly number[];
  readonly values: readonly unknown[];
}

function rowsOf({ rows, keyIds, effectiveTime, knownTime, sequence, fields }: EventBlock): Found[] {
  return Array.from({ length: rows }, (_, i) => ({
    key: keyIds[i]!,
    sequence: sequence[i]!,
    times: [effectiveTime[i]!, knownTime[i]!],
    values: fields.map((column) => column[i]),
  }));
}

async function collect(
  reader: EventReader,
  request: EventRequest,
  scanOf: (scan: EventScan, onBlock: (block: EventBlock) => void) => Promise<void>,
): Promise<Found[]> {
  const found: Found[] = [];
  await reader.withScans([request], (scan) => scanOf(scan, (block) => found.push(...rowsOf(block))));
  return found;
}
const ordered = (scan: EventScan, onBlock: (block: EventBlock) => void): Promise<void> => scan.ordered(onBlock);
const bySequence = (rows: readonly Found[]): Found[] => rows.toSorted((a, b) => a.sequence - b.sequence);

/** What the events are by the words of `EventRequest`, in the order of a scan. */
function naively({ visibleBy, reachMs, moments, knownAfter = -Infinity, knownTo, happenedTo = Infinity }: EventRequest): Found[] {
  const timeOf = (one: LoggedEvent): number => (visibleBy === 'known' ? one.knownTime : one.effectiveTime);
  const sequenceOf = (one: LoggedEvent): number => one.sourcePartition * OFFSETS_MAX + one.sourceOffset;
  return events
    .filter((one) => {
      const key = KEYS.indexOf(entityKeyOf(['site', 'device'], one.row) ?? 'none');
      if (key < 0 || one.knownTime <= knownAfter || one.knownTime > knownTo || one.effectiveTime > happenedTo) return false;
      return timeOf(one) <= moments.latest[key]! && timeOf(one) >= moments.earliest[key]! - reachMs;
    })
    .toSorted((a, b) => timeOf(a) - timeOf(b) || sequenceOf(a) - sequenceOf(b))
    .map((one) => ({
      key: KEYS.indexOf(entityKeyOf(['site', 'device'], one.row)!),
      sequence: sequenceOf(one),
      times: [one.effectiveTime, one.knownTime],
      values: FIELDS.map((name) => {
        const value = one.row[name] ?? null;
        if (name === 'odd "label"') return value;
        return value === null ? NaN : Number(value);
      }),
    }));
}

const merged = (): EventReader => ({
  withScans: async (requests, work) => {
    for (const [i, request] of requests.entries()) await work(mergedScan(cold.db, request), i);
  },
  close: () => Promise.resolve(),
});
const requests = (['known', 'happened'] as const).flatMap((visibleBy) =>
  [6 * HOUR_MS, Infinity].map((reachMs) => requestOf(visibleBy, reachMs)),
);

async function check(reader: EventReader): Promise<void> {
  for (const request of requests) {
    const expected = naively(request);
    expect(expected.length).toBeGreaterThan(10);
    expect(await collect(reader, request, ordered)).toEqual(expected);
    const any = await collect(reader, request, (scan, onBlock) => scan.some(EVENTS, onBlock));
    expect(bySequence(any)).toEqual(bySequence(expected));
    const few = await collect(reader, request, (scan, onBlock) => scan.some(5, onBlock));
    expect(few.length).toBeGreaterThanOrEqual(5);
    expect(expected).toEqual(expect.arrayContaining(few));
  }
  const found = requests.map((): Found[] => []);
  await reader.withScans(requests, (scan, i) => scan.ordered((block) => found[i]!.push(...rowsOf(block))));
  expect(found).toEqual(requests.map(naively));
  await expect(reader.withScans(requests, (_, i) => (i === 1 ? Promise.reject(new Error('no')) : Promise.resolve()))).rejects.toThrow('no');
}

describe('the events of some keys that rows at their moments can see', () => {
  test('come from the offline log', () => check(postgresEvents(cold.stage.postgres)));
  test('come from Parquet files', () => check(files));
  test('are refused where a file has rows that are not as the schema says, with how many by column', async () => {
    const wrong = path.join(directory, 'wrong.parquet');
    const options = { threads: 1, memoryMb: 128, spillTo: directory };
    const duckdb = await openDuckdbColumns(options);
    await duckdb.run(`COPY (${WRONG_ROWS}) TO ${duckdbText(wrong)} (FORMAT parquet)`);
    duckdb.close();
    const messageOf = async (given: Source, fields: readonly string[], of = wrong): Promise<string> => {
      const reader = parquetEvents({ [given.name]: of }, options);
      const request = { ...requestOf('known', Infinity), source: given, keyFields: ['site'], keys: ['s'], fields };
      const moments = { earliest: Float64Array.of(START), latest: Float64Array.of(START) };
      try {
        const found = await collect(reader, { ...request, moments }, ordered).catch((error: unknown) => error);
        expect(found).toMatchObject({ code: 'FEATURE_SPINE_INVALID' });
        return (found as Error).message;
      } finally {
        await reader.close();
      }
    };
    const strict = { ...readings, schema: { ...readings.schema, value: number() } };
    expect(await messageOf(strict, ['value', 'dueAt'])).toBe(
      "Events of source 'readings' in 'wrong.parquet': expected what its schema says, found that " +
        "column 'at' is null in 1 row; column 'at' is no time that a date can have in 1 row; column 'site' is null in 2 rows; " +
        "column 'value' is null in 1 row; column 'value' is no finite number of magnitude up to 1e+30 in 4 rows; column 'dueAt' is no time that a date can have in 1 row; " +
        "column 'known_time' is null in 1 row; column 'source_partition' is null in 1 row. Correct those rows or leave them out.",
    );
    expect(await messageOf(strict, ['value'], NAN_BEHIND_STATISTICS)).toMatch(/found that column 'value' is no finite number of magnitude up to 1e\+30 in 1 row\. Correct/);
    // NaN is null where a field may be; columns that are not read are not looked at.
    expect(await messageOf(readings, ['value'])).toMatch(/found that column 'at' is null .* 'value' is no finite number .* in 3 rows; column 'known_time'/);
  });

  test('come from Parquet files whose keys are whole numbers and whose times are days', async () => {
    const numbered = path.join(directory, 'numbered.parquet');
    const options = { threads: 1, memoryMb: 128, spillTo: directory };
    const duckdb = await openDuckdbColumns(options);
    await duckdb.run(`COPY (SELECT 7 AS site, DATE '2024-01-01' AS "at", 3 AS value UNION ALL SELECT 8, DATE '2024-01-01', 4) TO ${duckdbText(numbered)} (FORMAT parquet)`);
    duckdb.close();
    const reader = parquetEvents({ [readings.name]: numbered }, options);
    const day = Date.UTC(2024, 0, 1);
    const moments = { earliest: Float64Array.of(day), latest: Float64Array.of(day) };
    const found = await collect(reader, { ...requestOf('known', Infinity), knownTo: day, keyFields: ['site'], keys: ['8'], fields: ['value'], moments }, ordered);
    await reader.close();
    expect(found).toMatchObject([{ key: 0, times: [day, day], values: [4] }]);
  });

  test('come from a scan of all rows', () => check(merged()));

  test('come from logs and files alike for moments at either end of time', async () => {
    const moments = { earliest: Float64Array.from(KEYS, () => -TIME_MAX_MS), latest: Float64Array.from(KEYS, () => TIME_MAX_MS) };
    for (const reachMs of [DAY_MS, Infinity]) {
      const all = requestOf('known', reachMs, { moments, knownTo: TIME_MAX_MS, knownAfter: -TIME_MAX_MS - DAY_MS });
      const none = requestOf('known', reachMs, {
        moments: { earliest: moments.earliest, latest: moments.earliest },
        knownTo: -TIME_MAX_MS,
        knownAfter: -TIME_MAX_MS - DAY_MS,
      });
      for (const reader of [postgresEvents(cold.stage.postgres), files, merged()]) {
        expect(await collect(reader, all, ordered)).toEqual(naively(all));
        expect(await collect(reader, none, ordered)).toEqual([]);
      }
    }
  });

  test('come from the cold log where two of the three days are there only', async () => {
    expect((await exportAll(cold.db, readings)).length).toBeGreaterThanOrEqual(2);
    expect(await prune(cold.db, readings, { filesMax: 2 })).toBe(2);
    await check(postgresEvents(cold.db));
    await expect(collect(postgresEvents(cold.stage.postgres), requests[0]!, ordered)).rejects.toMatchObject({ code: 'COLD_LOG_NOT_OPENED' });
  });
});

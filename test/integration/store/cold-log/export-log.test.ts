import { appendFile, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { derivedSource, number, source, string, timestamp } from '../../../../src/index.ts';
import type { Source } from '../../../../src/define/source.ts';
import { listColdFiles } from '../../../../src/store/cold-log/cold-files.ts';
import { createColdLog, withColdLog } from '../../../../src/store/cold-log/cold-log.ts';
import { loadColdLogConfig } from '../../../../src/infra/cold-log-config.ts';
import { exportNextFile, sweepOrphans } from '../../../../src/store/cold-log/export-log.ts';
import type { ExportStep } from '../../../../src/store/cold-log/write-cold-file.ts';
import { addLogColumnSql } from '../../../../src/store/log-table.ts';
import { newestKnownTime, scanEvents, type LoggedEvent } from '../../../../src/store/offline-log.ts';
import { createLog, exportAll, ingest, openColdStage, prune, type ColdStage } from '../../../support/store/cold-stage.ts';

const HOUR_MS = 3_600_000;
const START = Date.UTC(2024, 4, 1);
const TIMEOUT_MS = 60_000;

let cold: ColdStage;
let sources = 0;

beforeAll(async () => {
  cold = await openColdStage();
});
afterAll(() => cold.close());

const clicks = source({
  name: 'click',
  schema: { id: string(), at: timestamp(), amount: number() },
  id: 'id',
  eventTime: 'at',
  dedupeWindow: '1m',
  partitions: 2,
});

/** A log of its own: an event an hour over three days and the beginning of a fourth, in two partitions. */
async function openLog(): Promise<{ own: Source; log: LoggedEvent[] }> {
  const own: Source = { ...clicks, name: `click_${sources++}` };
  await createLog(cold.db, own);
  const log = Array.from({ length: 74 }, (_, hour) => clickAt(hour, hour));
  await ingest(cold.db, own, log);
  return { own, log };
}

function clickAt(n: number, hour: number): LoggedEvent {
  const at = START + hour * HOUR_MS;
  const row = { id: `c${n}`, at, amount: n / 3 };
  return { sourcePartition: n % 2, sourceOffset: Math.floor(n / 2), eventTime: at, effectiveTime: at, knownTime: at, row };
}

async function scan(own: Source): Promise<LoggedEvent[]> {
  const found: LoggedEvent[] = [];
  await scanEvents(cold.db, own, ['id', 'at', 'amount'], { order: 'known' }, (event) => found.push({ ...event, row: { ...event.row } }));
  return found;
}

const rowsLeft = async (own: Source): Promise<number> =>
  (await cold.db.query<{ rows: number }>(`SELECT count(*)::int AS rows FROM log.${own.name}`))[0]?.rows ?? 0;

const filesOf = (own: Source) => readdir(path.join(cold.coldLog.directory, own.name)).catch(() => [] as string[]);

/** Ends the work at a step, as a killed process would. */
const dieAt = (step: ExportStep) => (reached: ExportStep) => {
  if (reached === step) throw new Error(`killed at ${step}`);
};

test('each closed day becomes a file, described beside it and in the database, and the open day stays', async () => {
  const { own, log } = await openLog();
  const files = await exportAll(cold.db, own);
  expect(files.map(({ day, rows }) => [day, rows])).toEqual([
    ['2024-05-01', 24],
    ['2024-05-02', 24],
    ['2024-05-03', 24],
  ]);
  expect(files[1]).toMatchObject({
    source: own.name,
    knownFrom: START + 24 * HOUR_MS,
    knownTo: START + 47 * HOUR_MS,
    ranges: [
      { partition: 0, from: 12, to: 24, rows: 12 },
      { partition: 1, from: 12, to: 24, rows: 12 },
    ],
  });
  const beside = await readFile(path.join(cold.coldLog.directory, files[1]!.file.replace('.parquet', '.json')), 'utf8');
  expect(JSON.parse(beside)).toEqual(files[1]);
  expect(await listColdFiles(cold.db, own.name)).toMatchObject(files);
  expect(await exportAll(cold.db, own)).toEqual([]);
  expect(await exportAll(cold.db, own, { delayMs: 100 * HOUR_MS })).toEqual([]);
  expect(await scan(own)).toEqual(log);
});

test('an export that is killed anywhere is made up for by the next, and every row stays once', async () => {
  const { own, log } = await openLog();
  for (const step of ['written', 'placed', 'described', 'registered'] as const) {
    await expect(exportAll(cold.db, own, { onStep: dieAt(step) })).rejects.toThrow(`killed at ${step}`);
    expect(await scan(own)).toEqual(log);
  }
  expect(await listColdFiles(cold.db, own.name)).toHaveLength(1);
  await exportAll(cold.db, own);
  expect((await listColdFiles(cold.db, own.name)).map(({ rows }) => rows)).toEqual([24, 24, 24]);
  expect((await filesOf(own)).filter((name) => name.endsWith('.tmp'))).not.toEqual([]);
  expect(await sweepOrphans(cold.db, own.name, { clock: Date.now })).toEqual([]);
  expect(await sweepOrphans(cold.db, own.name, { clock: Date.now, ageMs: 0 })).not.toEqual([]);
  expect(await filesOf(own)).toHaveLength(6);
  expect(await scan(own)).toEqual(log);
});

test('a prune that is killed anywhere has happened or not, and the next goes on', async () => {
  const { own, log } = await openLog();
  await exportAll(cold.db, own);
  for (const [step, left] of [['verified', 74], ['deleted', 74], ['pruned', 50]] as const) {
    await expect(prune(cold.db, own, { onStep: dieAt(step), filesMax: 1 })).rejects.toThrow();
    expect(await rowsLeft(own)).toBe(left);
    expect(await scan(own)).toEqual(log);
  }
  expect(await prune(cold.db, own)).toBe(2);
  expect(await rowsLeft(own)).toBe(2);
  expect(await scan(own)).toEqual(log);
  await cold.db.query(`DELETE FROM log.${own.name}`);
  expect(await newestKnownTime(cold.db, [own])).toBe(START + 71 * HOUR_MS);
});

test('exports and prunes side by side do each thing once', async () => {
  const { own, log } = await openLog();
  await Promise.all([0, 1, 2].map(() => exportAll(cold.db, own, { fileRowsMax: 10 })));
  await exportAll(cold.db, own, { fileRowsMax: 10 });
  const files = await listColdFiles(cold.db, own.name);
  expect(files.reduce((rows, file) => rows + file.rows, 0)).toBe(72);
  const pruned = await Promise.all([0, 1, 2].map(() => prune(cold.db, own)));
  expect(pruned.reduce((sum, n) => sum + n, 0) + (await prune(cold.db, own))).toBe(files.length);
  expect(await scan(own)).toEqual(log);
});

test('a scan hands out each row once while rows are exported and pruned under it', async () => {
  const { own, log } = await openLog();
  let isDone = false;
  const move = (async () => {
    await exportAll(cold.db, own, { fileRowsMax: 4 });
    await prune(cold.db, own);
    isDone = true;
  })();
  let scans = 0;
  while (!isDone || scans < 2) {
    expect(await scan(own)).toEqual(log);
    const any: LoggedEvent[] = [];
    await scanEvents(cold.db, own, [], { order: 'any' }, (event) => any.push({ ...event }));
    expect(any.map((event) => event.sourceOffset * 2 + event.sourcePartition).sort((a, b) => a - b)).toEqual(log.map((_, n) => n));
    scans++;
  }
  await move;
  expect(await rowsLeft(own)).toBe(2);
}, TIMEOUT_MS);

test('late events of an exported day stay hot until the file of the day that their offsets lie in', async () => {
  const { own, log } = await openLog();
  await exportAll(cold.db, own);
  await prune(cold.db, own);
  const late = [clickAt(74, 5), clickAt(76, 6), clickAt(78, 100)];
  await ingest(cold.db, own, late);
  expect(await rowsLeft(own)).toBe(5);
  const all = [...log, ...late].sort((a, b) => a.knownTime - b.knownTime || a.sourcePartition - b.sourcePartition);
  expect(await scan(own)).toEqual(all);
  await ingest(cold.db, own, [clickAt(75, 101)]);
  const days = (await exportAll(cold.db, own)).map(({ day, rows }) => [day, rows]);
  expect(days).toEqual([['2024-05-04', 4]]);
  expect(await scan(own)).toEqual([...all, clickAt(75, 101)]);
  await ingest(cold.db, own, [clickAt(80, 7), clickAt(82, 200), clickAt(77, 200)]);
  expect((await exportAll(cold.db, own)).map(({ day, rows }) => [day, rows])).toEqual([['2024-05-05', 3]]);
});

test('a file that was changed or is gone is named and refused, by readers and before a prune', async () => {
  const { own, log } = await openLog();
  const [first, second] = await exportAll(cold.db, own);
  await prune(cold.db, own, { filesMax: 1 });
  const at = (file: string) => path.join(cold.coldLog.directory, file);
  const bytes = await readFile(at(first!.file));
  await appendFile(at(first!.file), 'x');
  await expect(scan(own)).rejects.toMatchObject({
    code: 'COLD_LOG_FILE_CORRUPT',
    message: expect.stringContaining(first!.file) as string,
  });
  await rm(at(first!.file));
  await expect(scan(own)).rejects.toMatchObject({
    code: 'COLD_LOG_FILE_MISSING',
    message: expect.stringContaining(first!.file) as string,
  });
  await writeFile(at(first!.file), bytes);
  expect(await scan(own)).toEqual(log);
  await writeFile(at(second!.file), bytes);
  await expect(prune(cold.db, own)).rejects.toMatchObject({ code: 'COLD_LOG_FILE_CORRUPT' });
  expect(await rowsLeft(own)).toBe(50);
});

test('a prune refuses a file whose rows are not those that Postgres has', async () => {
  const { own } = await openLog();
  await exportAll(cold.db, own);
  await cold.db.query(`DELETE FROM log.${own.name} WHERE source_partition = 0 AND source_offset = 3`);
  await expect(prune(cold.db, own)).rejects.toMatchObject({
    code: 'COLD_LOG_FILE_CORRUPT',
    message: expect.stringContaining('24 rows, Postgres has 23') as string,
  });
  expect(await rowsLeft(own)).toBe(73);
});

test('young rows stay: by the setting, and for redeliveries', async () => {
  const { own } = await openLog();
  await exportAll(cold.db, own);
  expect(await prune(cold.db, own, { keepMs: 72 * HOUR_MS })).toBe(0);
  expect(await prune(cold.db, own, { keepMs: 48 * HOUR_MS })).toBe(1);
  expect(await prune(cold.db, { ...own, dedupeWindow: '24h' })).toBe(1);
});

test('rows that a derived source is made of stay, and rows that change are not exported', async () => {
  const { own } = await openLog();
  await exportAll(cold.db, own);
  const derived = derivedSource({
    name: `${own.name}_twice`,
    from: own as typeof clicks,
    attach: (a) => ({ before: a.latest(own as typeof clicks, 'amount', { by: { id: 'id' } }) }),
  });
  expect(await prune(cold.db, own, { sources: [own, derived] })).toBe(0);
  expect(await prune(cold.db, own, { sources: [own] })).toBeGreaterThan(0);
  await expect(exportAll(cold.db, { ...own, changes: true })).rejects.toMatchObject({ code: 'COLD_LOG_SOURCE_UNFIT' });
});

test('a field that came later is null in the rows of older files', async () => {
  const { own, log } = await openLog();
  await exportAll(cold.db, own);
  await prune(cold.db, own);
  await cold.db.query(addLogColumnSql(own.name, 'tip', 'number'));
  const wider: Source = { ...own, schema: { ...own.schema, tip: { type: 'number', nullable: true } as never } };
  const next = { ...clickAt(74, 100), row: { ...clickAt(74, 100).row, tip: 2 } };
  await ingest(cold.db, wider, [next, { ...clickAt(75, 130), row: { ...clickAt(75, 130).row, tip: null } }]);
  await exportAll(cold.db, wider);
  await prune(cold.db, wider);
  const tips: (number | null)[] = [];
  await scanEvents(cold.db, wider, ['tip'], { order: 'known' }, ({ row }) => tips.push(row['tip'] as number | null));
  expect(tips).toEqual([...log.map(() => null), 2, null]);
});

test('fields that differ by case only are refused', async () => {
  const { own } = await openLog();
  const twice = { ...own, schema: { ...own.schema, AMOUNT: number() } };
  await expect(exportNextFile(cold.db, twice, { delayMs: 0, fileRowsMax: 10, clock: Date.now })).rejects.toMatchObject({
    code: 'COLD_LOG_SOURCE_UNFIT',
    message: expect.stringContaining("'amount' and 'AMOUNT'") as string,
  });
});

test('a query that DuckDB refuses says so', async () => {
  const other = createColdLog(loadColdLogConfig({ MILLRACE_DATA_DIR: cold.coldLog.directory }));
  const db = withColdLog(cold.stage.postgres, other);
  await expect(db.coldLog.duckdb.session((session) => session.run('nonsense'))).rejects.toMatchObject({
    code: 'COLD_LOG_QUERY_FAILED',
    message: expect.stringContaining("'nonsense'") as string,
  });
  other.close();
});

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { boolean, featureService, nullable, number, timestamp } from '../../../src/index.ts';
import { createArrowEncoder, readArrow } from '../../../src/infra/arrow-table.ts';
import { duckdbText, openDuckdbColumns } from '../../../src/infra/duckdb-columns.ts';
import { createLogger } from '../../../src/infra/logger.ts';
import { migrate } from '../../../src/infra/migrate.ts';
import { readParquet } from '../../../src/infra/parquet-table.ts';
import { createPostgres, type Postgres } from '../../../src/infra/postgres.ts';
import { readSpineQuery } from '../../../src/infra/spine-query.ts';
import { writeAsOfFile } from '../../../src/store/as-of/as-of-file.ts';
import type { AsOfFileRequest } from '../../../src/store/as-of/as-of-request.ts';
import { SPINE_BLOCK_ROWS } from '../../../src/store/as-of/spine-input.ts';
import { createLogTableSql } from '../../../src/store/log-table.ts';
import { appendEvents } from '../../../src/store/offline-log.ts';
import { OnlineCatalog } from '../../../src/store/online-catalog.ts';
import { departures } from '../../support/serving/tiny-project.ts';
import { events, expectedRow, featuresOf, project, spine, START } from '../../support/store/as-of-history.ts';
import { createTestDatabase, type TestDatabase } from '../../support/test-stack.ts';

const catalog = new OnlineCatalog(project);
const MANY_ROWS = 25_000;
let database: TestDatabase;
let postgres: Postgres;
const directory = mkdtempSync(path.join(os.tmpdir(), 'millrace-historical-'));
const file = (name: string): string => path.join(directory, name);
const linesOf = (rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

beforeAll(async () => {
  database = await createTestDatabase();
  const logger = createLogger('test', 'silent');
  postgres = createPostgres({ url: database.url, applicationName: 'test', logger });
  await migrate(postgres, fileURLToPath(new URL('../../../migrations', import.meta.url)));
  for (const statement of createLogTableSql(departures)) await postgres.query(statement);
  await appendEvents(postgres, departures, events);
  await postgres.query('CREATE TABLE public.spine (id text, origin text, carrier text, distance float8, seen_at timestamptz)');
  for (const { id, origin, carrier, distance, asOf } of spine)
    await postgres.query('INSERT INTO public.spine VALUES ($1, $2, $3, $4, to_timestamp($5::float8 / 1000))', [id, origin, carrier, distance, asOf]);
  writeFileSync(file('spine.ndjson'), linesOf(spine));
  writeFileSync(
    file('many.ndjson'),
    linesOf(Array.from({ length: MANY_ROWS }, (_, i) => ({ ...spine[(i * 7) % spine.length]!, id: `m${i}` }))),
  );
});
afterAll(async () => {
  await postgres.close();
  await database.drop();
  rmSync(directory, { recursive: true });
});

const write = (over: Partial<AsOfFileRequest>) =>
  writeAsOfFile(
    { postgres, postgresUrl: database.url, coldLog: null },
    {
      plan: catalog.plan({ views: ['origin_departures', 'carrier_departures'] }),
      spine: file('spine.ndjson'),
      out: file('out.ndjson'),
      mode: 'known',
      ...over,
    },
  );
const readNdjson = (name: string) =>
  readFileSync(file(name), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
describe('a read of the past', () => {
  test('is the same bytes in one chunk, in many, in threads, and where events stream by', async () => {
    const made = async (name: string, over: Partial<AsOfFileRequest>) => {
      const manifest = await write({ spine: file('many.ndjson'), out: file(name), ...over });
      return { rows: manifest.rows, sha256: manifest.out.sha256, stale: manifest.stale };
    };
    const whole = await made('whole.ndjson', {});
    expect(whole.rows).toBe(MANY_ROWS);
    expect(await made('parts.ndjson', { chunkRows: 900 })).toEqual(whole);
    const rowsRead: number[] = [];
    const threaded = await made('threads.ndjson', { threads: 2, chunkRows: 3_000, onChunk: (rows, of) => rowsRead.push(rows, of) });
    expect(threaded).toEqual(whole);
    expect(rowsRead.at(-2)).toBe(rowsRead.at(-1));
    // So little that events are sorted by Postgres.
    expect(await made('streamed.ndjson', { memoryBytes: 20_000, chunkRows: 10_000 })).toEqual(whole);
    expect(existsSync(file('threads.ndjson.work'))).toBe(false);
  });

  test.each(['known', 'happened'] as const)('from Parquet files of events is that from the log, of what was %s', async (mode) => {
    const duckdb = await openDuckdbColumns({ threads: 1, memoryMb: 128, spillTo: directory });
    writeFileSync(
      file('events.ndjson'),
      linesOf(events.map(({ row, knownTime, sourcePartition, sourceOffset }) => ({ ...row, known_time: knownTime, source_partition: sourcePartition, source_offset: sourceOffset }))),
    );
    await duckdb.run(
      `COPY (SELECT * REPLACE (make_timestamp("at" * 1000) AS "at", make_timestamp(known_time * 1000) AS known_time) FROM read_json(${duckdbText(file('events.ndjson'))}, format = 'newline_delimited'))
         TO ${duckdbText(file('departures.parquet'))} (FORMAT parquet)`,
    );
    duckdb.close();
    await write({ mode, out: file('log.ndjson') });
    const manifest = await write({ mode, out: file('files.ndjson'), eventFiles: { [departures.name]: file('departures.parquet') }, chunkRows: 31 });
    expect(readFileSync(file('files.ndjson'), 'utf8')).toBe(readFileSync(file('log.ndjson'), 'utf8'));
    expect(manifest).toMatchObject({ dataCut: null, events: { [departures.name]: 'departures.parquet' } });
    expect(readNdjson('files.ndjson').map(featuresOf)).toEqual(spine.map((row) => expectedRow(row, mode)));
    const streamed = await write({ mode, out: file('files.ndjson'), eventFiles: { [departures.name]: file('departures.parquet') }, memoryBytes: 10_000, chunkRows: 200 });
    expect(streamed.out.sha256).toBe(manifest.out.sha256);
  });

  test('says what is wrong with a file of events, and leaves nothing', async () => {
    const duckdb = await openDuckdbColumns({ threads: 1, memoryMb: 128, spillTo: directory });
    await duckdb.run(`COPY (SELECT 'EWR' AS origin, 1 AS "at") TO ${duckdbText(file('wrong.parquet'))} (FORMAT parquet)`);
    duckdb.close();
    const from = (name: string, source: string = departures.name) => write({ out: file('never.ndjson'), eventFiles: { [source]: file(name) } });
    await expect(from('wrong.parquet')).rejects.toMatchObject({
      code: 'FEATURE_SPINE_INVALID',
      message: expect.stringMatching(/column 'at': expected a timestamp, found INTEGER; .*no column 'delayMinutes'/) as string,
    });
    await expect(from('none.parquet')).rejects.toThrow(/'none.parquet' can't be read/);
    await expect(from('wrong.parquet', 'arrivals')).rejects.toThrow(/has no file of events; there are files of arrivals/);
    expect(['', '.work', '.partial', '.manifest.json'].filter((end) => existsSync(file(`never.ndjson${end}`)))).toEqual([]);
  });

  test.each(['ndjson', 'csv'])('has the types of what is asked for from %s, and of other columns by all of its rows', async (format) => {
    const [view] = project.views;
    const request = { amount: nullable(number()), isNew: nullable(boolean()), dueAt: nullable(timestamp()) };
    const service = featureService({ name: 'sparse', views: [view!], request });
    const plan = new OnlineCatalog({ views: [view!], services: [service] }).plan({ service: 'sparse' });
    const rows = Array.from({ length: SPINE_BLOCK_ROWS + 1 }, (_, i) => {
      const isLast = i === SPINE_BLOCK_ROWS;
      const late = isLast ? { amount: 0.5, isNew: true, dueAt: '2024-03-01T00:00:00Z', constructor: 7, tag: 'x' } : { amount: null, isNew: null, dueAt: null, constructor: null, tag: null };
      return { origin: 'EWR', asOf: i % 2 === 0 ? START + i : new Date(START + i).toISOString(), ...late };
    });
    const lines = [Object.keys(rows[0]!).join(','), ...rows.map((row) => Object.values(row).join(','))];
    writeFileSync(file(`sparse.${format}`), format === 'csv' ? lines.join('\n') : linesOf(rows));
    await write({ plan, spine: file(`sparse.${format}`), out: file('sparse.parquet') });
    const found: Readonly<Record<string, unknown>>[] = [];
    for await (const row of readParquet(file('sparse.parquet'), () => undefined)) found.push(row);
    expect(found.slice(0, 2).map(({ asOf, amount, tag }) => ({ asOf, amount, tag }))).toEqual([0, 1].map((i) => ({ asOf: START + i, amount: null, tag: null })));
    const other = format === 'csv' ? '7' : 7;
    expect(found.at(-1)).toMatchObject({ amount: 0.5, isNew: true, dueAt: Date.UTC(2024, 2, 1), constructor: other, tag: 'x', asOf: START + SPINE_BLOCK_ROWS });
  });

  test('is the same from Arrow into Arrow, typed columns, nulls and a time among them', async () => {
    await write({});
    const encoder = createArrowEncoder([
      { name: 'id', type: 'string' },
      { name: 'origin', type: 'string' },
      { name: 'carrier', type: 'string' },
      { name: 'distance', type: 'number' },
      { name: 'asOf', type: 'timestamp' },
    ]);
    const parts = [await encoder.encode(spine.slice(0, 70)), await encoder.encode(spine.slice(70)), await encoder.finish()];
    writeFileSync(file('spine.arrow'), Buffer.concat(parts));
    const manifest = await write({ spine: file('spine.arrow'), out: file('out.arrow') });
    const found: Readonly<Record<string, unknown>>[] = [];
    const columns: string[] = [];
    for await (const row of readArrow(file('out.arrow'), (names) => columns.push(...names), () => undefined)) found.push(row);
    expect(columns).toEqual(['id', 'origin', 'carrier', 'distance', 'asOf', ...manifest.names]);
    expect(found.map(({ id, origin, carrier, distance, asOf }) => ({ id, origin, carrier, distance, asOf }))).toEqual(spine);
    expect(found.map(featuresOf)).toEqual(readNdjson('out.ndjson').map(featuresOf));
    writeFileSync(file('broken.arrow'), 'ARROW1 or not');
    await expect(write({ spine: file('broken.arrow') })).rejects.toThrow(/'broken.arrow' can't be read/);
  });
});

describe('a spine that is a query', () => {
  const query = (text: string, over: Partial<AsOfFileRequest> = {}) =>
    write({ spine: { query: text }, asOfColumn: 'seen_at', out: file('query.ndjson'), ...over });

  test('gives the rows that its rows in a file give, and names itself in the manifest', async () => {
    await write({});
    const text = "SELECT id, origin, carrier, distance, seen_at FROM public.spine ORDER BY substr(id, 2)::int";
    const manifest = await query(text);
    expect(readNdjson('query.ndjson').map(featuresOf)).toEqual(readNdjson('out.ndjson').map(featuresOf));
    expect(readNdjson('query.ndjson').map(({ id, seen_at: at }) => ({ id, at }))).toEqual(spine.map(({ id, asOf: at }) => ({ id, at })));
    expect(manifest.spine).toEqual({ query: text, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string });
    expect((await query(`WITH s AS (${text}) SELECT * FROM s LIMIT 5`)).rows).toBe(5);
  });

  test.each([
    ['a statement that writes', 'DELETE FROM public.spine RETURNING *', /syntax error at or near "DELETE"/],
    ['a second statement', 'SELECT * FROM public.spine; DROP TABLE public.spine', /cannot insert multiple commands/],
    ['a query that writes', 'WITH gone AS (DELETE FROM public.spine RETURNING *) SELECT * FROM gone', /data-modifying statements in WITH/],
    ['a function that writes', "SELECT nextval('public.numbers') AS seen_at", /read-only transaction/],
    ['a copy', "COPY public.spine TO PROGRAM 'cat'", /syntax error/],
    ['a table that is not there', 'SELECT * FROM public.nothing', /"public.nothing" does not exist/],
    ['a column twice', 'SELECT id, id FROM public.spine', /column 'id' is there twice/],
    ['columns that lack the time', "SELECT origin, carrier FROM public.spine", /field 'seen_at'/],
    ['a text beyond its bound', `SELECT ${' '.repeat(100_000)} 1`, /more than 100000 characters/],
    ['no rows', 'SELECT * FROM public.spine WHERE false', /has no row/],
  ])('is refused: %s', async (_what, text, message) => {
    await postgres.query('CREATE SEQUENCE IF NOT EXISTS public.numbers');
    await expect(query(text)).rejects.toMatchObject({
      code: 'FEATURE_SPINE_INVALID',
      message: expect.stringMatching(message) as string,
    });
    expect((await postgres.query<{ rows: number }>('SELECT count(*)::int AS rows FROM public.spine'))[0]?.rows).toBe(spine.length);
    expect(existsSync(file('query.ndjson.work'))).toBe(false);
  });

  test('ends at its limits of time and of rows', async () => {
    const drain = async (text: string, over: object): Promise<void> => {
      for await (const rows of readSpineQuery({ url: database.url, query: text, ...over })) expect(rows.length).toBeGreaterThan(0);
    };
    await expect(drain('SELECT pg_sleep(20)', { statementTimeoutMs: 200 })).rejects.toThrow(/statement timeout/);
    await expect(drain('SELECT g FROM generate_series(1, 20000) g', { rowsMax: 12_000 })).rejects.toThrow(/more than 12000 rows/);
    await drain('SELECT g FROM generate_series(1, 12000) g', { rowsMax: 12_000 });
  });
});

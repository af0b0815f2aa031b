import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readAsOfRows } from '../../../src/client/read-as-of-rows.ts';
import { sha256Hex } from '../../../src/infra/artifacts.ts';
import { CsvReader } from '../../../src/infra/csv.ts';
import { createLogger } from '../../../src/infra/logger.ts';
import { migrate } from '../../../src/infra/migrate.ts';
import { createParquetEncoder, readParquet } from '../../../src/infra/parquet-table.ts';
import { createPostgres, type Postgres } from '../../../src/infra/postgres.ts';
import { writeAsOfFile } from '../../../src/store/as-of/as-of-file.ts';
import type { AsOfFileRequest, AsOfManifest } from '../../../src/store/as-of/as-of-request.ts';
import { createLogTableSql } from '../../../src/store/log-table.ts';
import { appendEvents } from '../../../src/store/offline-log.ts';
import { OnlineCatalog } from '../../../src/store/online-catalog.ts';
import { float32Of } from '../../support/naive/float32.ts';
import { departures } from '../../support/serving/tiny-project.ts';
import { events, expectedRow, featuresOf, MINUTE_MS, project, spine, START } from '../../support/store/as-of-history.ts';
import { createTestDatabase, type TestDatabase } from '../../support/test-stack.ts';

const catalog = new OnlineCatalog(project);
let database: TestDatabase;
let postgres: Postgres;
const directory = mkdtempSync(path.join(os.tmpdir(), 'millrace-as-of-'));
const file = (name: string): string => path.join(directory, name);

beforeAll(async () => {
  database = await createTestDatabase();
  postgres = createPostgres({
    url: database.url,
    applicationName: 'test',
    logger: createLogger('test', 'silent'),
  });
  await migrate(postgres, fileURLToPath(new URL('../../../migrations', import.meta.url)));
  for (const statement of createLogTableSql(departures)) await postgres.query(statement);
  await appendEvents(postgres, departures, events);
  writeFileSync(
    file('spine.ndjson'),
    spine.map((row) => `${JSON.stringify({ ...row, asOf: new Date(row.asOf).toISOString() })}\n`).join(''),
  );
  const quoted = (value: string | number | null): string =>
    typeof value === 'string' ? `"${value.replaceAll('"', '""')}"` : String(value ?? '');
  const lines = spine.map((row) => Object.values(row).map(quoted).join(','));
  writeFileSync(file('spine.csv'), ['id,origin,carrier,distance,asOf', ...lines].join('\r\n'));
});
afterAll(async () => {
  await postgres.close();
  await database.drop();
  rmSync(directory, { recursive: true });
});

const write = (over: Partial<AsOfFileRequest>) =>
  writeAsOfFile({ postgres, postgresUrl: database.url, coldLog: null }, {
    plan: catalog.plan({ views: ['origin_departures', 'carrier_departures'] }),
    spine: file('spine.ndjson'),
    out: file('out.ndjson'),
    mode: 'known',
    // Many chunks: each reads its own part of history.
    chunkRows: 17,
    ...over,
  });
const readNdjson = (name: string) =>
  readFileSync(file(name), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
function readCsv(name: string): Record<string, string | null>[] {
  const reader = new CsvReader();
  const [header = [], ...rows] = [...reader.push(readFileSync(file(name), 'utf8')), ...reader.end()];
  return rows.map((row) => Object.fromEntries(header.map((column, i) => [column ?? '', row[i] ?? null])));
}

describe('features as of past moments', () => {
  test.each(['known', 'happened'] as const)(
    'of what was %s are those of the oracle, row by row, and the rows stay what they were',
    async (mode) => {
      const manifest = await write({ mode });
      const found = readNdjson('out.ndjson');
      expect(found.map(featuresOf)).toEqual(spine.map((row) => expectedRow(row, mode)));
      expect(found.map(({ id, origin, carrier, distance }) => ({ id, origin, carrier, distance }))).toEqual(
        spine.map(({ asOf: _, ...row }) => row),
      );
      expect(manifest).toMatchObject({
        mode,
        rows: 120,
        names: [
          'origin_departures.departed1h',
          'origin_departures.delay1h',
          'carrier_departures.mean1h',
          'carrier_departures.count1h',
          'carrier_departures.countEver',
        ],
      });
      expect(manifest.stale).toMatchObject({ origin_departures: 0 });
      expect(manifest.stale['carrier_departures']).toBeGreaterThan(0);
    },
  );

  test('are the same from CSV into CSV, in one chunk, and name what made them', async () => {
    const before = await write({});
    const manifest = await write({ spine: file('spine.csv'), out: file('out.csv'), chunkRows: 1_000 });
    expect(readCsv('out.csv').map(featuresOf)).toEqual(readNdjson('out.ndjson').map(featuresOf));
    expect(readCsv('out.csv')[2]).toMatchObject({ id: 'r2', origin: 'L"GA', distance: '0.5' });
    expect(manifest).toMatchObject({
      views: before.views,
      dataCut: events.reduce((latest, { knownTime }) => Math.max(latest, knownTime), 0),
      rowsAfterDataCut: spine.filter(({ asOf }) => asOf > (manifest.dataCut ?? 0)).length,
      spine: { file: 'spine.csv', sha256: sha256Hex(readFileSync(file('spine.csv'))) },
      out: { file: 'out.csv', sha256: sha256Hex(readFileSync(file('out.csv'))) },
    });
    expect(JSON.parse(readFileSync(file('out.csv.manifest.json'), 'utf8'))).toEqual(manifest);
    expect(manifest.views.map(({ view, version, digest }) => [view, version, digest.length])).toEqual([
      ['origin_departures', 1, 64],
      ['carrier_departures', 1, 64],
    ]);
  });

  test('of a service are its whole row; its request fields are those of the spine', async () => {
    const manifest = await write({ plan: catalog.plan({ service: 'both' }) });
    expect(manifest.serviceDigest).toMatch(/^[0-9a-f]{64}$/);
    for (const [i, record] of readNdjson('out.ndjson').entries()) {
      const { 'carrier_departures.mean1h': mean } = expectedRow(spine[i]!, 'known');
      const excess = mean === null || mean === undefined ? null : float32Of(mean - spine[i]!.distance);
      if (excess === null) expect(record['excess']).toBeNull();
      else expect(record['excess']).toBeCloseTo(excess, 4);
      expect(record['carrier']).toBe(spine[i]!.carrier);
    }
  });

  test('are the same from Parquet into Parquet, typed columns and a time among them', async () => {
    await write({});
    const encoder = createParquetEncoder([
      { name: 'id', type: 'string' },
      { name: 'origin', type: 'string' },
      { name: 'carrier', type: 'string' },
      { name: 'distance', type: 'number' },
      { name: 'asOf', type: 'timestamp' },
    ]);
    const parts = [
      await encoder.encode(spine.slice(0, 70)),
      await encoder.encode(spine.slice(70)),
      await encoder.finish(),
    ];
    writeFileSync(file('spine.parquet'), Buffer.concat(parts));
    const manifest = await write({ spine: file('spine.parquet'), out: file('out.parquet') });
    expect(manifest).toMatchObject({
      rows: 120,
      spine: { sha256: sha256Hex(Buffer.concat(parts)) },
      out: { sha256: sha256Hex(readFileSync(file('out.parquet'))) },
    });
    const found: Readonly<Record<string, unknown>>[] = [];
    const columns: string[] = [];
    for await (const row of readParquet(file('out.parquet'), (names) => columns.push(...names)))
      found.push(row);
    expect(columns).toEqual(['id', 'origin', 'carrier', 'distance', 'asOf', ...manifest.names]);
    expect(
      found.map(({ id, origin, carrier, distance, asOf }) => ({ id, origin, carrier, distance, asOf })),
    ).toEqual(spine);
    expect(found.map(featuresOf)).toEqual(readNdjson('out.ndjson').map(featuresOf));
    const leaks = await write({ mode: 'compare', spine: file('spine.parquet'), out: file('leaks.parquet') });
    let differences = 0;
    for await (const row of readParquet(file('leaks.parquet'), () => undefined))
      differences += row['known'] === row['happened'] ? 0 : 1;
    expect(differences).toBe(leaks.differences?.values);
  });

  test('come the same to a program, row by row, with the rows that it gave', async () => {
    await write({});
    const found = [];
    for await (const one of readAsOfRows(postgres, catalog, {
      selection: { views: ['origin_departures', 'carrier_departures'] },
      spine,
    }))
      found.push(one);
    expect(found.map(({ entity }) => entity)).toEqual(spine);
    expect(found.map(({ features }) => featuresOf(features))).toEqual(
      readNdjson('out.ndjson').map(featuresOf),
    );
    const wrong = readAsOfRows(postgres, catalog, {
      selection: { views: ['origin_departures'] },
      spine: [{ origin: 'EWR' }],
    });
    await expect(wrong.next()).rejects.toMatchObject({ code: 'FEATURE_SPINE_INVALID' });
  });

  test('nothing known after the data cut is in them', async () => {
    const dataCut = START + 300 * MINUTE_MS;
    await write({ dataCut });
    const cut = readNdjson('out.ndjson').map(featuresOf);
    await write({});
    const full = readNdjson('out.ndjson').map(featuresOf);
    const before = spine.map(({ asOf }) => asOf <= dataCut);
    expect(cut.filter((_, i) => before[i])).toEqual(full.filter((_, i) => before[i]));
    expect(cut.some((row, i) => !before[i] && JSON.stringify(row) !== JSON.stringify(full[i]))).toBe(true);
  });

  test('--compare names the values in which the modes differ, and counts them by feature', async () => {
    const manifest = await write({ mode: 'compare', out: file('leaks.csv') });
    const expected = spine.flatMap((row, i) => {
      const [known, happened] = [expectedRow(row, 'known'), expectedRow(row, 'happened')];
      return Object.keys(known).flatMap((feature) =>
        known[feature] === happened[feature]
          ? []
          : [`${i + 1} ${feature} ${known[feature]} ${happened[feature]}`],
      );
    });
    const found = readCsv('leaks.csv').map(({ row, feature, known, happened }) => {
      const float32 = (text: string | null | undefined) =>
        text === null || text === undefined ? null : float32Of(Number(text));
      return `${row} ${feature} ${float32(known)} ${float32(happened)}`;
    });
    expect(expected.length).toBeGreaterThan(20);
    expect(found.sort()).toEqual(expected.sort());
    const { differences } = manifest as Required<AsOfManifest>;
    expect(differences.values).toBe(expected.length);
    expect(differences.rows).toBe(new Set(expected.map((text) => text.split(' ')[0])).size);
    expect(differences.byFeature['origin_departures.departed1h']).toBe(
      expected.filter((text) => text.includes('departed1h')).length,
    );
  });

  test.each<[string, string, string, RegExp]>([
    ['a name without a format', 'rows.txt', 'x', /'rows.txt': expected a name that ends in/],
    ['no file', 'none.csv', '', /'none.csv' can't be read/],
    ['a missing column', 'a.csv', 'origin,asOf\nEWR,0\n', /no column 'carrier'/],
    ['a column twice', 'b.csv', 'origin,origin,asOf\n', /a name twice/],
    [
      'a row of another length',
      'c.csv',
      'origin,carrier,asOf\nEWR,UA,0\nEWR,UA\n',
      /row 2 has 2 fields, the header 3/,
    ],
    ['a wrong time', 'd.csv', 'origin,carrier,asOf\nEWR,UA,today\n', /row 1: field 'asOf'/],
    ['no rows', 'e.ndjson', '\n', /has no row/],
    ['no JSON', 'f.ndjson', '{"origin":"EWR","carrier":"UA","asOf":0}\n{', /line 2 is no JSON/],
    ['no Parquet', 'h.parquet', 'PAR1 or not', /'h.parquet' can't be read/],
    ['no object', 'g.ndjson', '[]', /line 1 is no object/],
    ['a column named as a feature', 'i.csv', 'origin,carrier,carrier_departures.mean1h,asOf\n', /Spine: .* found 'carrier_departures.mean1h'/],
    [
      'a field of a row named as a feature',
      'j.ndjson',
      '{"origin":"EWR","carrier":"UA","asOf":0}\n{"origin":"EWR","carrier":"UA","asOf":0,"carrier_departures.mean1h":9}',
      /row 2: .* found 'carrier_departures.mean1h'. Rename it/,
    ],
  ])('%s is FEATURE_SPINE_INVALID, and leaves nothing', async (_what, name, text, message) => {
    if (text !== '') writeFileSync(file(name), text);
    const out = file(`from-${name}.csv`);
    await expect(write({ spine: file(name), out })).rejects.toMatchObject({
      code: 'FEATURE_SPINE_INVALID',
      message: expect.stringMatching(message) as string,
    });
    expect([out, `${out}.partial`, `${out}.manifest.json`].filter((one) => existsSync(one))).toEqual([]);
  });

  test('a folder that is not there, and an interruption, leave nothing', async () => {
    const nowhere = path.join(directory, 'none', 'out.csv');
    await expect(write({ out: nowhere })).rejects.toMatchObject({
      code: 'FEATURE_SPINE_INVALID',
      message: expect.stringMatching(/'out.csv' can't be written/) as string,
    });
    const out = file('interrupted.csv');
    const controller = new AbortController();
    const stopped = write({
      out,
      signal: controller.signal,
      onProgress: () => controller.abort(new Error('stop')),
    });
    await expect(stopped).rejects.toThrow('stop');
    expect([out, `${out}.partial`, `${out}.manifest.json`].filter((one) => existsSync(one))).toEqual([]);
  });
});

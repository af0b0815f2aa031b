import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readEventTable } from '../../../src/stream/read-event-table.ts';
import { boolean, nullable, number, source, string, timestamp, type Source } from '../../../src/index.ts';
import { createDuckdb, type Duckdb } from '../../../src/infra/duckdb.ts';
import type { SourceEvent } from '../../../src/stream/replayer.ts';

const directory = mkdtempSync(path.join(os.tmpdir(), 'millrace-event-table-'));
const options = { memoryMb: 128, threads: 1, scratchDirectory: directory };
let duckdb: Duckdb;
beforeAll(() => {
  duckdb = createDuckdb(options);
});
afterAll(() => {
  duckdb.close();
  rmSync(directory, { recursive: true });
});

const schema = { paymentId: string(), amount: nullable(number()), isCard: boolean(), at: timestamp() };
const payments = source({ name: 'payments', schema, id: 'paymentId', eventTime: 'at', knownTime: 'carried' });
const arriving = source({ name: 'arriving', schema, id: 'paymentId', eventTime: 'at' });

const csv = (name: string, ...lines: string[]): string => {
  const file = path.join(directory, name);
  writeFileSync(file, lines.join('\n'));
  return file;
};
async function parquet(name: string, query: string): Promise<string> {
  const file = path.join(directory, name);
  await duckdb.session((session) => session.run(`COPY (${query}) TO '${file}' (FORMAT parquet)`));
  return file;
}
async function read(file: string, of: Source = payments, knownTime: string | undefined = of === payments ? 'seen' : undefined): Promise<SourceEvent[]> {
  const events: SourceEvent[] = [];
  await readEventTable({ file, source: of, knownTime }, options, (some) => {
    events.push(...some);
    return Promise.resolve();
  });
  return events;
}

const first = { source: 'payments', id: '1', payload: { paymentId: '1', amount: 2.5, isCard: true, at: 1_000 }, knownTime: 5_000 };
const second = { source: 'payments', id: '2', payload: { paymentId: '2', amount: null, isCard: false, at: 2_000 }, knownTime: 6_000 };

test('rows of CSV are events, in order of their known time', async () => {
  const file = csv('a.csv', 'note,paymentId,amount,isCard,at,seen', 'x,2,,false,2000,1970-01-01T01:00:06+01:00', '"y, z",1,2.5,true,1970-01-01T00:00:01Z,5000');
  expect(await read(file)).toEqual([first, second]);
});

test('so are those of Parquet: whole numbers as keys, times with and without a zone, and a field that is nowhere null', async () => {
  const file = await parquet(
    'a.parquet',
    "SELECT 2 AS paymentId, false AS isCard, make_timestamp(2000000) AS at, TIMESTAMPTZ '1970-01-01 01:00:06+01' AS seen UNION ALL SELECT 1, true, make_timestamp(1000000), TIMESTAMPTZ '1970-01-01 00:00:05+00'",
  );
  expect(await read(file)).toEqual([{ ...first, payload: { ...first.payload, amount: null } }, second]);
});

test('several files of a pattern are one table; rows of one known time stay as they are in the file', async () => {
  const rows = (from: number) => `SELECT (i + ${from})::VARCHAR AS paymentId, i / 4 AS amount, true AS isCard, i AS at, 7::BIGINT AS seen FROM range(3000) r(i)`;
  await parquet('many-1.parquet', rows(0));
  await parquet('many-2.parquet', rows(3_000));
  const events = await read(path.join(directory, 'many-*.parquet'));
  expect(events.map(({ id }) => Number(id))).toEqual(Array.from({ length: 6_000 }, (_, i) => i));
});

test('rows of a source whose events become known as they come have no known time, and stay in order', async () => {
  const file = csv('b.csv', 'paymentId,isCard,at', 'b,true,2', 'a,true,1');
  expect(await read(file, arriving)).toMatchObject([{ id: 'b', knownTime: null }, { id: 'a', knownTime: null }]);
});

test.each([
  ['a missing and a wrong column', () => parquet('c.parquet', 'SELECT 1.5::DOUBLE AS paymentId, true AS isCard, 1 AS seen'), undefined, /column 'paymentId': expected a string, found DOUBLE; no column 'at'; column 'seen': expected a timestamp, found INTEGER.*it has 'paymentId', 'isCard', 'seen'/],
  ['rows with wrong values', () => csv('d.csv', 'paymentId,amount,isCard,at,seen', '1,much,true,1,5', '2,1,maybe,,'), undefined, /row 2: field 'isCard': expected true or false, found text 'maybe'; row 2: field 'at': expected.*found null; row 2: column 'seen': expected/],
  ['a file that is not there', () => path.join(directory, 'none.parquet'), undefined, /can't be read: .*No files found/],
  ['a file that is none', () => csv('e.parquet', 'text'), undefined, /can't be read/],
  ['a carried known time that no column gives', () => csv('f.csv', 'paymentId'), '', /Name the column that says when each row became known with --known-time/],
])('%s: refused', async (_what, file, knownTime, message) => {
  const table = { file: await file(), source: payments, knownTime: knownTime === '' ? undefined : 'seen' };
  await expect(readEventTable(table, options, () => Promise.resolve())).rejects.toMatchObject({ code: 'STREAM_REPLAY_INVALID', message: expect.stringMatching(message) as string });
});

test('so are a column for a known time that is not carried, and changes of rows', async () => {
  await expect(read(csv('g.csv', 'paymentId'), arriving, 'seen')).rejects.toThrow(/Leave --known-time out, or define the source with knownTime: 'carried'/);
  const changes = source({ name: 'rows', schema, id: 'paymentId', eventTime: 'at', changes: true });
  await expect(read(csv('h.csv', 'paymentId'), changes)).rejects.toThrow(/takes changes of rows/);
});

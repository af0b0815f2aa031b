import { afterAll, beforeAll, expect, test } from 'vitest';
import { nullable, number, source, string, timestamp } from '../../../../src/index.ts';
import type { Source } from '../../../../src/define/source.ts';
import { listColdFiles } from '../../../../src/store/cold-log/cold-files.ts';
import { queryLogInDuckdb } from '../../../../src/store/cold-log/duckdb-log.ts';
import { addLogColumnSql } from '../../../../src/store/log-table.ts';
import { scanEvents, type LoggedEvent } from '../../../../src/store/offline-log.ts';
import { createLog, exportAll, ingest, openColdStage, prune, type ColdStage } from '../../../support/store/cold-stage.ts';

const HOUR_MS = 3_600_000;
const START = Date.UTC(2024, 4, 1);

let cold: ColdStage;
beforeAll(async () => {
  cold = await openColdStage();
});
afterAll(() => cold.close());

const settings = { id: 'id', eventTime: 'at', dedupeWindow: '1m', partitions: 1 } as const;
const schema = { id: string(), at: timestamp(), amount: number() };
/** The source of a name without the field, and with it. */
const narrowOf = (name: string): Source => source({ name, schema, ...settings });
const wideOf = (name: string): Source =>
  source({ name, schema: { ...schema, coupon: nullable(string()), until: nullable(timestamp()) }, ...settings });

/** Three days, an event every six hours; every other one has a coupon. */
const log = (couponOf: (n: number) => string | null = (n) => (n % 2 === 0 ? `k${n}` : null)): LoggedEvent[] =>
  Array.from({ length: 12 }, (_, n) => {
    const at = START + n * 6 * HOUR_MS;
    const row = { id: `p${n}`, at, amount: n / 3, coupon: couponOf(n), until: couponOf(n) === null ? null : at + HOUR_MS };
    return { sourcePartition: 0, sourceOffset: n, eventTime: at, effectiveTime: at, knownTime: at, row };
  });

async function scan(own: Source): Promise<LoggedEvent[]> {
  const found: LoggedEvent[] = [];
  const fields = Object.keys(own.schema);
  await scanEvents(cold.db, own, fields, { order: 'known' }, (event) => found.push({ ...event, row: { ...event.row } }));
  return found;
}

const rowsLeft = async (own: Source): Promise<number> =>
  (await cold.db.query<{ rows: number }>(`SELECT count(*)::int AS rows FROM log.${own.name}`))[0]?.rows ?? 0;

test('values of a field that left the project are exported, and are there when it comes back', async () => {
  const [narrow, wide] = [narrowOf('left'), wideOf('left')];
  await createLog(cold.db, wide);
  await ingest(cold.db, wide, log());
  const files = await exportAll(cold.db, narrow);
  expect(files.map(({ columns }) => columns.map(({ name, type }) => `${name} ${type}`))).toEqual(
    files.map(() => ['id string', 'at timestamp', 'amount number', 'coupon string', 'until timestamp']),
  );
  expect(await prune(cold.db, narrow)).toBe(2);
  expect(await rowsLeft(wide)).toBe(4);
  expect(await scan(wide)).toEqual(log());
  expect(await scan(narrow)).toMatchObject(log().map(({ row: { id, at, amount } }) => ({ row: { id, at, amount } })));
  const counted = 'SELECT count(*)::DOUBLE, count("amount")::DOUBLE FROM log."left"';
  expect(await queryLogInDuckdb(cold.db, narrow, counted)).toEqual([[12, 12]]);
  const coupons = 'SELECT count("coupon")::DOUBLE FROM log."left"';
  expect(await queryLogInDuckdb(cold.db, wide, coupons)).toEqual([[6]]);
});

test('a file without a column that has values at its offsets is not pruned, and is exported again with it', async () => {
  const [narrow, wide] = [narrowOf('lacking'), wideOf('lacking')];
  await createLog(cold.db, narrow);
  await ingest(cold.db, narrow, log());
  expect((await exportAll(cold.db, narrow)).map(({ columns }) => columns.length)).toEqual([3, 3]);
  // As if the exporting process had not known the field.
  for (const [name, type] of [['coupon', 'string'], ['until', 'timestamp']] as const)
    await cold.db.query(addLogColumnSql(wide.name, name, type));
  await cold.db.query(`UPDATE log.lacking SET coupon = 'k5' WHERE source_offset = 5`);
  expect(await prune(cold.db, narrow)).toBe(1);
  expect(await rowsLeft(wide)).toBe(8);
  expect((await listColdFiles(cold.db, wide.name)).map(({ day }) => day)).toEqual(['2024-05-01']);
  const again = await exportAll(cold.db, narrow);
  expect(again.map(({ day, columns }) => [day, columns.length])).toEqual([['2024-05-02', 5]]);
  expect(await prune(cold.db, narrow)).toBe(1);
  expect((await scan(wide)).map(({ row }) => row['coupon'])).toEqual(log((n) => (n === 5 ? 'k5' : null)).map(({ row }) => row['coupon']));
});

test('a column of a type that no field has is refused by name', async () => {
  const own = narrowOf('foreign');
  await createLog(cold.db, own);
  await ingest(cold.db, own, log());
  await cold.db.query('ALTER TABLE log."foreign" ADD COLUMN note jsonb');
  await expect(exportAll(cold.db, own)).rejects.toMatchObject({
    code: 'COLD_LOG_SOURCE_UNFIT',
    message: expect.stringContaining("'note' of its log is jsonb") as string,
  });
});

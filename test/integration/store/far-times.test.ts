import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { string, timestamp } from '../../../src/define/field.ts';
import { source } from '../../../src/define/source.ts';
import { createLogger } from '../../../src/infra/logger.ts';
import { migrate } from '../../../src/infra/migrate.ts';
import { createPostgres, type Postgres } from '../../../src/infra/postgres.ts';
import { TIMESTAMP_MS_MAX, TIMESTAMP_MS_MIN } from '../../../src/store/copy-binary.ts';
import { createLogTableSql } from '../../../src/store/log-table.ts';
import { appendEvents, scanEvents, type LoggedEvent } from '../../../src/store/offline-log.ts';
import { createTestDatabase } from '../../support/test-stack.ts';

const leases = source({ name: 'leases', schema: { leaseId: string(), at: timestamp(), until: timestamp() }, id: 'leaseId', eventTime: 'at' });
const AT = Date.UTC(2024, 0, 1);
const times = [0, -1, 253_402_300_799_999, 253_402_300_799_998, 4e15 + 7, -200_000_000_000_123, TIMESTAMP_MS_MIN, TIMESTAMP_MS_MAX, TIMESTAMP_MS_MAX - 1];
/** As many rows as are copied rather than inserted. */
const MANY = 200;

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let postgres: Postgres;
beforeAll(async () => {
  database = await createTestDatabase();
  postgres = createPostgres({ url: database.url, applicationName: 'test', logger: createLogger('test', 'silent') });
  await migrate(postgres, path.resolve(import.meta.dirname, '../../../migrations'));
  for (const statement of createLogTableSql(leases)) await postgres.query(statement);
});
afterAll(async () => {
  await postgres.close();
  await database.drop();
});

const eventOf = (until: number, sourceOffset: number): LoggedEvent => ({
  sourcePartition: 0,
  sourceOffset,
  eventTime: AT,
  effectiveTime: AT,
  knownTime: AT,
  row: { leaseId: `l${sourceOffset}`, at: AT, until },
});

async function readBack(): Promise<unknown[]> {
  const found: unknown[] = [];
  await scanEvents(postgres, leases, ['until'], { order: 'offset' }, ({ row }) => found.push(row['until']));
  return found;
}

test('times of any year come back to the millisecond, of few rows and of many, and those that an earlier release rounded too', async () => {
  const many = Array.from({ length: MANY }, (_, i) => times[i % times.length]!);
  await appendEvents(postgres, leases, times.map(eventOf));
  await appendEvents(postgres, leases, many.map((until, i) => eventOf(until, times.length + i)));
  expect(await readBack()).toEqual([...times, ...many]);
  // Of one value there is one text, however it was written.
  const [texts] = await postgres.query<{ count: number }>('SELECT count(DISTINCT until)::int AS count FROM log.leases');
  expect(texts?.count).toBe(times.length);
  await postgres.query("UPDATE log.leases SET until = until + interval '30 microseconds' WHERE until > now() AND source_offset < 8");
  expect(await readBack()).toEqual([...times, ...many]);
});

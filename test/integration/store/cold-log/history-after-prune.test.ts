import { afterAll, beforeAll, expect, test } from 'vitest';
import { featureService } from '../../../../src/define/feature-service.ts';
import { boolean, string, timestamp } from '../../../../src/define/field.ts';
import { model } from '../../../../src/define/model.ts';
import { project } from '../../../../src/define/project.ts';
import { source } from '../../../../src/define/source.ts';
import type { Postgres } from '../../../../src/infra/postgres.ts';
import { postgresEvents } from '../../../../src/store/as-of/postgres-events.ts';
import { readAsOf } from '../../../../src/store/as-of/read-as-of.ts';
import { buildTrainingSet } from '../../../../src/store/build-training-set.ts';
import { readEventBalance } from '../../../../src/store/event-balance.ts';
import { partitionsOf } from '../../../../src/fold/partition-of.ts';
import { materializePartitions } from '../../../../src/store/materialize.ts';
import { planViews } from '../../../../src/store/online-catalog.ts';
import { rewindIngest } from '../../../../src/store/rewind-ingest.ts';
import { findDuplicates } from '../../../../src/stream/find-duplicates.ts';
import { RecentIds } from '../../../../src/stream/recent-ids.ts';
import type { ReplayEvent } from '../../../../src/stream/replayer.ts';
import { coldLogBeside, exportAll, prune, type ColdStage } from '../../../support/store/cold-stage.ts';
import {
  account,
  cardPayments,
  differences,
  eventually,
  openEventPath,
  payments,
  paymentSource,
  replayOf,
  shopPayments,
  START,
  type EventPath,
} from '../../stream/event-path.ts';

const DAY_MS = 86_400_000;
const DAY_PAYMENTS = 8_640;

const chargeback = source({
  name: 'chargeback',
  schema: { paymentId: string(), fraud: boolean(), foundAt: timestamp() },
  id: 'paymentId',
  eventTime: 'foundAt',
  knownTime: 'carried',
  dedupeWindow: '1m',
});
const service = featureService({ name: 'fraud', views: [cardPayments, shopPayments] });
const fraud = model({
  name: 'fraud',
  service,
  examples: { source: paymentSource, id: 'paymentId', decisionTime: { field: 'paidAt' } },
  label: { source: chargeback, id: 'paymentId', value: 'fraud' },
});
const fraudProject = project({ name: 'fraud', models: [fraud], views: [cardPayments, shopPayments] });

/** Three days, some payments of each. */
const paid = [0, 1, 2].flatMap((day) => payments(200, day * DAY_PAYMENTS + 100));
const found = paid
  .filter((_, n) => n % 3 === 0)
  .map(({ payment, knownTime }, n): ReplayEvent => {
    const foundAt = knownTime + 3_600_000;
    const payload = { paymentId: payment.paymentId, fraud: n % 4 === 0, foundAt };
    return { source: 'chargeback', id: payment.paymentId, knownTime: foundAt, payload };
  });

let path: EventPath;
let cold: Omit<ColdStage, 'stage'>;

beforeAll(async () => {
  path = await openEventPath(fraudProject);
  cold = await coldLogBeside(path.postgres);
  const [ingest, fold] = [await path.ingest(), await path.fold()];
  const offsets = [...(await path.replayer.send(replayOf(paid))), ...(await path.replayer.send(found))];
  await path.store.waitVisible(path.programs, offsets, 40_000);
  await eventually('all stored', async () => (await account(path)).stored === paid.length + found.length);
  await ingest.stop();
  await fold.stop();
});
afterAll(async () => {
  await cold.close();
  await path.close();
});

/** Both views as of moments of each day, in both modes, sorted in memory and by the store. */
async function readPast(postgres: Postgres): Promise<unknown> {
  const spine = paid
    .filter((_, n) => n % 7 === 0)
    .map(({ payment, knownTime }) => ({
      row: { cardId: payment.cardId, shopId: payment.shopId },
      asOf: knownTime + 60_000,
    }));
  const plan = planViews(path.programs);
  const requests = (['known', 'happened'] as const).flatMap((mode) =>
    [2_000_000, 10].map((eventsInMemory) => ({ mode, dataCut: START + 10 * DAY_MS, eventsInMemory })),
  );
  return Promise.all(requests.map((request) => readAsOf(postgresEvents(postgres), plan, spine, request)));
}

test('training sets, rebuilt states, redeliveries and the balance are the same after two of three days were pruned', async () => {
  const before = await buildTrainingSet(path, { model: fraud, dataCut: null });
  const pastBefore = await readPast(path.postgres);
  expect(before.trainingSet.rows).toBe(found.length);
  for (const own of fraudProject.sources) {
    expect(await exportAll(cold.db, own)).toHaveLength(2);
    expect(await prune(cold.db, own)).toBe(2);
  }
  expect((await account(path)).rows).toBe(200);

  expect(await buildTrainingSet({ postgres: cold.db }, { model: fraud, dataCut: null })).toEqual(before);
  await expect(buildTrainingSet(path, { model: fraud, dataCut: null })).rejects.toMatchObject({
    code: 'COLD_LOG_NOT_OPENED',
  });

  expect(await readPast(cold.db)).toEqual(pastBefore);
  await expect(readPast(path.postgres)).rejects.toMatchObject({ code: 'COLD_LOG_NOT_OPENED' });

  await path.flushStates();
  for (const program of path.programs)
    await materializePartitions({ ...path, postgres: cold.db, clock: Date.now }, program, partitionsOf(program));
  expect(await differences(path, paid)).toEqual([]);

  const balance = await readEventBalance(cold.db, path.kafka, path.names, ['payment', 'chargeback']);
  expect(balance.map(({ stored, rows, missing }) => [stored, rows, missing])).toEqual([
    [paid.length, paid.length, 0],
    [found.length, found.length, 0],
  ]);
});

test('an id whose row was pruned is still a redelivery within its window, and is not beyond it', async () => {
  const [row] = await cold.db.query<{ partition: number; next: number }>(
    `SELECT partition, next_offset::float8 AS next FROM millrace.ingest_positions WHERE source = 'payment' AND partition = 1`,
  );
  const { partition, next } = row!;
  const own: string[] = [];
  const [file] = await cold.db.query<{ file: string }>(`SELECT file FROM millrace.cold_log_files WHERE source = 'payment' ORDER BY id LIMIT 1`);
  await cold.coldLog.duckdb.session((session) =>
    session.stream(
      `SELECT "paymentId", epoch_ms(known_time)::DOUBLE FROM read_parquet('${cold.coldLog.directory}/${file?.file}') WHERE source_partition = 1 ORDER BY 2 LIMIT 1`,
      ([id, known]) => own.push(String(id), String(known)),
    ),
  );
  const [id, known] = [own[0]!, Number(own[1])];
  const again = (knownTime: number, sourceOffset: number) =>
    ({ id, knownTime, sourcePartition: partition, sourceOffset, row: {}, eventTime: 0, effectiveTime: 0 }) as never;
  const none = () => new RecentIds(3_600_000, Infinity, 10);
  expect(await findDuplicates(cold.db, paymentSource, [again(known + 3_600_000, next)], none())).toEqual(new Set([next]));
  expect(await findDuplicates(cold.db, paymentSource, [again(known + 3_600_001, next)], none())).toEqual(new Set());
});

test('a replay goes back to what Postgres has, and no further', async () => {
  await expect(rewindIngest({ ...path, postgres: cold.db }, paymentSource, START + DAY_MS)).rejects.toMatchObject({
    code: 'COLD_LOG_REWIND_REFUSED',
    message: expect.stringContaining('millrace materialize') as string,
  });
  expect((await account(path)).rows).toBe(200);
  await rewindIngest({ ...path, postgres: cold.db }, paymentSource, START + 2 * DAY_MS);
  expect((await account(path)).rows).toBe(0);
  await path.ingest();
  await eventually('all stored again', async () => (await account(path)).rows === 200);
  const balance = await readEventBalance(cold.db, path.kafka, path.names, ['payment']);
  expect(balance).toMatchObject([{ stored: paid.length, rows: paid.length, missing: 0 }]);
});

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { decodeState } from '../../../src/fold/state-codec.ts';
import { fenceOf } from '../../../src/fold/view-state.ts';
import { createLogger } from '../../../src/infra/logger.ts';
import { createMetrics } from '../../../src/infra/metrics.ts';
import { postgresEvents } from '../../../src/store/as-of/postgres-events.ts';
import { readAsOf } from '../../../src/store/as-of/read-as-of.ts';
import { readEventBalance } from '../../../src/store/event-balance.ts';
import { partitionsOf } from '../../../src/fold/partition-of.ts';
import { materializePartitions } from '../../../src/store/materialize.ts';
import { planViews } from '../../../src/store/online-catalog.ts';
import { rewindIngest } from '../../../src/store/rewind-ingest.ts';
import { readTwin } from '../../../src/store/sql/view-twin.ts';
import { createGateway } from '../../../src/stream/gateway.ts';
import { loadGatewaySettings } from '../../../src/stream/gateway-settings.ts';
import { naiveFeatures } from '../../support/naive-features.ts';
import { float32Of } from '../../support/naive/float32.ts';
import {
  changes,
  customerMoments,
  customerOrders,
  CUSTOMERS,
  float32s,
  left,
  orderProject,
  orders,
  replayOf,
  type Change,
} from './changing-orders.ts';
import { eventually, onlineFeatures, openEventPath, START, type EventPath } from './event-path.ts';

const TIMEOUT_MS = 40_000;

describe('a source whose rows change', () => {
  let path: EventPath;
  beforeEach(async () => {
    path = await openEventPath(orderProject);
  });
  afterEach(() => path.close());

  const sendAll = async (sent: readonly Change[]) => {
    const offsets = await path.replayer.send(replayOf(sent));
    await path.store.waitVisible(path.programs, offsets, TIMEOUT_MS);
  };
  const balance = async () => (await readEventBalance(path.postgres, path.kafka, path.names, ['orders']))[0];
  const allStored = (messages: number) =>
    eventually('all stored', async () => {
      const found = await balance();
      return found !== undefined && found.stored + found.duplicates + found.deadLetters === messages;
    });

  const expectOracle = async (sent: readonly Change[]) => {
    const asOf = Math.max(...sent.map(({ knownTime }) => knownTime));
    for (let n = 0; n < CUSTOMERS; n++) {
      const key = `customer-${n}`;
      const events = left(sent, asOf)
        .filter(({ customerId }) => customerId === key)
        .map((order) => ({ effectiveTime: order.placedAt, knownTime: asOf, row: { ...order } }));
      const online = float32s(await onlineFeatures(path, 'customer_orders', key, asOf));
      expect(online).toEqual(float32s(naiveFeatures(customerOrders, events, asOf)));
      const { median, ...moments } = float32s(await onlineFeatures(path, 'customer_moments', key, asOf));
      const { median: exact, ...naive } = float32s(naiveFeatures(customerMoments, events, asOf));
      expect(moments).toEqual(naive);
      if (Number.isNaN(exact)) expect(median).toBe(NaN);
      else expect(Math.abs((median ?? NaN) - (exact ?? NaN))).toBeLessThanOrEqual(0.010_001 * Math.abs(exact ?? NaN));
    }
  };

  test('online features are those of the rows that are left; redeliveries and rebuilds change nothing', async () => {
    await path.ingest();
    await path.fold();
    const sent = changes(400);
    await sendAll(sent);
    await sendAll(sent.slice(100, 200));
    await allStored(500);
    expect(await balance()).toMatchObject({ sent: 500, stored: 400, duplicates: 100, rows: 400, missing: 0 });
    const updates = sent.filter(({ op }) => op === 'u').length;
    expect(updates).toBeGreaterThan(50);
    const [log] = await path.postgres.query<{ rows: number; left: number }>(
      'SELECT count(*)::int AS rows, sum(change_sign)::int AS left FROM log.orders',
    );
    expect(log).toEqual({ rows: 400 + updates, left: left(sent, Infinity).length });
    await expectOracle(sent);

    const before = await statesOf();
    for (const program of path.programs)
      await materializePartitions({ ...path, clock: Date.now }, program, partitionsOf(program));
    expect(await statesOf()).toEqual(before);
    await path.flushStates();
    await eventually('rebuilt', async () => JSON.stringify(await statesOf()) === JSON.stringify(before));
    await expectOracle(sent);
  });

  test('where all rows are deleted nothing is left but counts of 0 and nulls', async () => {
    await path.ingest();
    await path.fold();
    const sent = changes(60);
    const knownTime = START + 60 * 20_000;
    const deletes = left(sent, Infinity).map(
      (before, i): Change => ({ id: `gone-${i}`, op: 'd', before, after: null, knownTime }),
    );
    await sendAll([...sent, ...deletes]);
    for (let n = 0; n < CUSTOMERS; n++) {
      expect(await onlineFeatures(path, 'customer_orders', `customer-${n}`, knownTime)).toEqual({
        ...{ count24h: 0, paid24h: 0, sum24h: NaN, mean1h: NaN, stddev24h: NaN },
      });
    }
  });

  test('SQL from the signed rows gives what the oracle has, as of moments in between too', async () => {
    await path.ingest();
    await path.fold();
    const sent = changes(200);
    await sendAll(sent);
    await allStored(200);
    const moments = [30, 90, 150, 199].map((n) => START + n * 20_000);
    const rows = moments.flatMap((asOf) =>
      Array.from({ length: CUSTOMERS }, (_, n) => ({ key: [`customer-${n}`], asOf })),
    );
    const values = await readTwin(path.postgres, customerOrders, rows, 'known');
    const width = Object.keys(customerOrders.features).length;
    rows.forEach(({ key, asOf }, r) => {
      const events = left(sent, asOf)
        .filter(({ customerId }) => customerId === key[0])
        .map((order) => ({ effectiveTime: order.placedAt, knownTime: asOf, row: { ...order } }));
      const expected = Object.values(float32s(naiveFeatures(customerOrders, events, asOf)));
      expect(Array.from(values.subarray(r * width, (r + 1) * width), float32Of)).toEqual(expected);
    });
  });

  test('SQL up to the fences of the states gives what a live read gives', async () => {
    await path.ingest();
    await path.fold();
    const sent = changes(150);
    await sendAll(sent);
    await allStored(150);
    const asOf = START + 150 * 20_000;
    const [program] = path.programs;
    const rows = await Promise.all(
      Array.from({ length: CUSTOMERS }, async (_, n) => {
        const [bytes] = await path.store.readStates([{ program: program!, entityKey: `customer-${n}` }]);
        return { key: [`customer-${n}`], asOf, fence: fenceOf(decodeState(program!, bytes as Uint8Array)) };
      }),
    );
    const values = await readTwin(path.postgres, customerOrders, rows, 'fence');
    const width = Object.keys(customerOrders.features).length;
    for (const [r, { key }] of rows.entries()) {
      const online = float32s(await onlineFeatures(path, 'customer_orders', key[0] as string, asOf));
      const twin = Array.from(values.subarray(r * width, (r + 1) * width), float32Of);
      expect(twin).toEqual(Object.values(online));
    }
  });

  test('a read of the past has the rows as they were known then', async () => {
    await path.ingest();
    const sent = changes(200);
    await path.replayer.send(replayOf(sent));
    await allStored(200);
    const plan = planViews(path.programs.slice(0, 1));
    const moments = [20, 60, 61, 140, 199].map((n) => START + n * 20_000);
    const spine = moments.flatMap((asOf) =>
      Array.from({ length: CUSTOMERS }, (_, n) => ({ row: { customerId: `customer-${n}` }, asOf })),
    );
    const read = await readAsOf(postgresEvents(path.postgres), plan, spine, { mode: 'known', dataCut: START + 1e9 });
    spine.forEach(({ row, asOf }, r) => {
      const events = left(sent, asOf)
        .filter(({ customerId }) => customerId === row.customerId)
        .map((order) => ({ effectiveTime: order.placedAt, knownTime: asOf, row: { ...order } }));
      const found = read.values[r]?.map(float32Of);
      expect(found).toEqual(Object.values(float32s(naiveFeatures(customerOrders, events, asOf))));
    });
  });

  test('the gateway takes changes whole or not at all, and both rows of an update count once', async () => {
    const gateway = await createGateway({
      kafka: path.kafka,
      names: path.names,
      sources: path.project.sources,
      settings: loadGatewaySettings({}),
      clock: () => Math.max(...changes(40).map((change) => change.knownTime)),
      logger: createLogger('test', 'silent'),
      registry: createMetrics('test'),
    });
    try {
      await path.ingest();
      await path.fold();
      const post = (payload: readonly object[], knownTime: number) =>
        gateway.inject({
          method: 'POST',
          url: '/v1/events/orders',
          headers: { 'content-type': 'application/json', 'millrace-known-time': String(knownTime) },
          payload,
        });
      const sent = changes(40);
      const wrong = await post([sent[0] as Change, { id: 'x', op: 'u', before: { orderId: 'o0' } }], START);
      expect(wrong.statusCode).toBe(400);
      expect(wrong.json<{ error: string }>().error).toMatch(/event 1: before: field 'amount': .*found nothing/);
      for (const { knownTime, ...change } of sent) {
        expect((await post([change], knownTime)).statusCode).toBe(202);
        expect((await post([change], knownTime)).statusCode).toBe(202);
      }
      await allStored(80);
      expect(await balance()).toMatchObject({ stored: 40, duplicates: 40, rows: 40, missing: 0 });
      const ends = await path.kafka.topicOffsets(path.names.sourceTopic('orders'));
      const seen = ends.map(({ partition, end }) => ({ sourceName: 'orders', partition, offset: end - 1 }));
      await path.store.waitVisible(path.programs, seen.filter(({ offset }) => offset >= 0), TIMEOUT_MS);
      await expectOracle(sent);
    } finally {
      await gateway.close();
    }
  });

  test('ingest reads again from a time, and accounts for changes as messages', async () => {
    const ingest = await path.ingest();
    await path.fold();
    const sent = changes(100);
    await sendAll(sent);
    await allStored(100);
    await ingest.stop();
    await rewindIngest(path, orders, START + 50 * 20_000);
    expect((await balance())?.stored).toBeLessThan(100);
    await path.ingest();
    await allStored(100);
    expect(await balance()).toMatchObject({ stored: 100, duplicates: 0, rows: 100, missing: 0 });
    await expectOracle(sent);
  });

  test('a change without its earlier row is a dead letter that says so', async () => {
    await path.ingest();
    const [first] = changes(1);
    const wrong = { ...first, id: 'c-wrong', op: 'u', before: null } as Change;
    await path.replayer.send(replayOf([wrong]));
    await allStored(1);
    const [letter] = await path.postgres.query<{ code: string; message: string }>(
      'SELECT code, message FROM millrace.dead_letters',
    );
    expect(letter).toMatchObject({ code: 'STREAM_EVENT_INVALID' });
    expect(letter?.message).toMatch(/'before': expected the whole row, since op is 'u', found null/);
  });

  async function statesOf(): Promise<(string | null)[]> {
    const keys = Array.from({ length: CUSTOMERS }, (_, n) => `customer-${n}`);
    const asked = path.programs.flatMap((program) => keys.map((entityKey) => ({ program, entityKey })));
    return (await path.store.readStates(asked)).map((bytes) =>
      bytes === null ? null : Buffer.from(bytes).toString('hex'),
    );
  }
});

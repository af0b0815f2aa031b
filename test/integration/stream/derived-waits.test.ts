import { afterEach, describe, expect, test } from 'vitest';
import type { DerivedSource, OnBehind } from '../../../src/define/derivation.ts';
import { derivedSource } from '../../../src/define/derived-source.ts';
import { number, string, timestamp } from '../../../src/define/field.ts';
import { project } from '../../../src/define/project.ts';
import { source, type Source } from '../../../src/define/source.ts';
import { createLogger } from '../../../src/infra/logger.ts';
import { createMetrics } from '../../../src/infra/metrics.ts';
import { startDeriver, type RunningDeriver } from '../../../src/stream/deriver.ts';
import { startIngest } from '../../../src/stream/ingest.ts';
import { SourceDeriver } from '../../../src/stream/source-deriver.ts';
import { createStreamMetrics } from '../../../src/stream/stream-metrics.ts';
import { LogWait } from '../../../src/store/derived/log-wait.ts';
import { withDerivedOffsets } from '../../../src/store/derived/derived-offsets.ts';
import { eventually, openEventPath, type EventPath } from './event-path.ts';

const TIMEOUT_MS = 40_000;

const orders = source({
  name: 'order',
  schema: { orderId: string(), item: string(), at: timestamp() },
  id: 'orderId',
  eventTime: 'at',
  partitions: 2,
});
const prices = source({
  name: 'price',
  schema: { changeId: string(), item: string(), price: number(), at: timestamp() },
  id: 'changeId',
  eventTime: 'at',
  partitions: 2,
});
const pricedBy = (onBehind: OnBehind): DerivedSource =>
  derivedSource({
    name: 'priced_order',
    from: orders,
    attach: (a) => ({ price: a.latest(prices, 'price', { by: { item: 'item' } }) }),
    waitMax: '1s',
    onBehind,
  });

describe('what is attached is what was known, by the time of the broker', () => {
  let path: EventPath;
  const derivers: RunningDeriver[] = [];
  const logger = createLogger('test', 'silent');
  const open = async (onBehind: OnBehind) => {
    const priced = pricedBy(onBehind);
    path = await openEventPath(project({ name: 'orders', sources: [priced] }));
    const registry = createMetrics('test');
    const deps = { ...path, logger, metrics: createStreamMetrics(registry) };
    const derive = async (): Promise<void> => {
      derivers.push(await startDeriver(deps, [priced]));
    };
    const ingest = (sources: readonly Source[]) => startIngest(deps, sources, []);
    const behind = async (): Promise<number> =>
      (await deps.metrics.deriveBehind.get()).values.reduce((sum, one) => sum + one.value, 0);
    return { priced, deps, derive, ingest, behind };
  };
  afterEach(async () => {
    for (const deriver of derivers.splice(0)) await deriver.stop();
    await path.close();
  });

  const send = (of: Source, id: string, payload: object) =>
    path.replayer.send([
      { source: of.name, id, payload: { ...payload, [of.id]: id, at: Date.now() }, knownTime: 0 },
    ]);
  const derivedPrices = async (): Promise<Record<string, number | null>> => {
    const rows = await path.postgres.query<{ id: string; price: number | null }>(
      'SELECT "orderId" AS id, price FROM log.priced_order',
    );
    return Object.fromEntries(rows.map(({ id, price }) => [id, price]));
  };

  test(
    'a row that was acknowledged before an event was sent is always seen by it, a later one never',
    async () => {
      const { priced, derive, ingest, deps } = await open('hold');
      const consumer = await ingest([orders, prices, priced]);
      try {
        await derive();
        for (let n = 0; n < 40; n++) {
          await send(prices, `c${n}`, { item: 'a', price: n });
          const offsets = await send(orders, `o${n}`, { item: 'a' });
          // Most of these change the price while the order before is being derived.
          if (n % 8 === 0) await withDerivedOffsets(deps, [priced], offsets, TIMEOUT_MS);
        }
        await eventually('all derived', async () => Object.keys(await derivedPrices()).length === 40);
        // The broker may stamp the next price with the millisecond of the order: then it was known at that time too.
        const known = await path.postgres.query<{ id: string; price: number }>(
          `SELECT o."orderId" AS id, (SELECT p.price FROM log.price p WHERE p.known_time <= o.known_time
             ORDER BY p.effective_time DESC, p.known_time DESC, p.price DESC LIMIT 1) AS price FROM log."order" o`,
        );
        const found = await derivedPrices();
        expect(known.every(({ id, price }) => price >= Number(id.slice(1)))).toBe(true);
        const differing = known.filter(({ id, price }) => found[id] !== price);
        expect(differing).toEqual([]);
        for (let n = 0; n < 40; n++) expect(found[`o${n}`]).toBeGreaterThanOrEqual(n);
      } finally {
        await consumer.stop();
      }
    },
    TIMEOUT_MS,
  );

  test(
    'events wait while the log of the table stands still, and then have its rows',
    async () => {
      const { priced, derive, ingest, deps, behind } = await open('hold');
      await send(prices, 'c1', { item: 'a', price: 7 });
      const offsets = await send(orders, 'o1', { item: 'a' });
      const some = await ingest([orders]);
      await eventually(
        'the order stored',
        async () => (await path.postgres.query('SELECT 1 FROM log."order"')).length === 1,
      );
      await some.stop();
      const producer = await path.kafka.createProducer();
      const deriver = new SourceDeriver(priced, priced.derivation, producer, deps);
      await expect(deriver.step(new AbortController().signal)).rejects.toMatchObject({
        code: 'STREAM_DERIVE_BEHIND',
        retryable: true,
        message: expect.stringContaining(
          "Source 'priced_order' waits: the log of price does not have all that Kafka has after 1s",
        ) as string,
      });
      await producer.close();
      expect(await behind()).toBe(1);
      await expect(withDerivedOffsets(deps, [priced], offsets, 100)).rejects.toMatchObject({
        code: 'STORE_NOT_VISIBLE',
      });
      await derive();
      const all = await ingest([orders, prices, priced]);
      try {
        await withDerivedOffsets(deps, [priced], offsets, TIMEOUT_MS);
        await eventually('the order derived', async () => (await derivedPrices())['o1'] === 7);
      } finally {
        await all.stop();
      }
    },
    TIMEOUT_MS,
  );

  test(
    "with onBehind 'attach' they go on with what the log has, and are counted",
    async () => {
      const { priced, derive, ingest, behind } = await open('attach');
      await send(prices, 'c1', { item: 'a', price: 7 });
      await send(orders, 'o1', { item: 'a' });
      const some = await ingest([orders, priced]);
      try {
        await derive();
        await eventually('the order derived', async () => Object.keys(await derivedPrices()).length === 1);
        expect(await derivedPrices()).toEqual({ o1: null });
        expect(await behind()).toBe(1);
      } finally {
        await some.stop();
      }
    },
    TIMEOUT_MS,
  );

  test('a log that loses what was waited for is noticed', async () => {
    const { ingest, deps } = await open('hold');
    await send(prices, 'c1', { item: 'a', price: 7 });
    const some = await ingest([prices]);
    const wait = new LogWait(deps, [prices], new AbortController().signal);
    expect(await wait.behindAfter(TIMEOUT_MS)).toEqual([]);
    expect(await wait.isStillThere()).toBe(true);
    await some.stop();
    await path.postgres.query('UPDATE millrace.ingest_positions SET next_offset = 0');
    expect(await wait.isStillThere()).toBe(false);
  });

  test('a project that was not applied is told so', async () => {
    const { priced, deps } = await open('hold');
    await path.postgres.query('DELETE FROM millrace.derive_positions');
    const deriver = await startDeriver(deps, [priced]);
    await expect(deriver.ended).rejects.toMatchObject({ code: 'STREAM_NOT_APPLIED' });
  });
});

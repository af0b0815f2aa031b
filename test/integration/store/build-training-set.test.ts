import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Duration } from '../../../src/core/duration.ts';
import { featureService } from '../../../src/define/feature-service.ts';
import { featureView, type FeatureView } from '../../../src/define/feature-view.ts';
import { boolean, nullable, number, string, timestamp } from '../../../src/define/field.ts';
import { model } from '../../../src/define/model.ts';
import { onDemand } from '../../../src/define/on-demand.ts';
import { project } from '../../../src/define/project.ts';
import { source } from '../../../src/define/source.ts';
import { buildTrainingSet } from '../../../src/store/build-training-set.ts';
import type { ReplayEvent } from '../../../src/stream/replayer.ts';
import {
  cardPayments,
  eventually,
  naiveFeaturesOf,
  openEventPath,
  payments,
  paymentSource,
  replayOf,
  shop,
  shopPayments,
  START,
  type EventPath,
} from '../stream/event-path.ts';

const MINUTE_MS = 60_000;

const order = source({
  name: 'order',
  schema: {
    orderId: string(),
    cardId: nullable(string()),
    shopId: string(),
    value: number(),
    dueAt: timestamp(),
  },
  id: 'orderId',
  eventTime: 'dueAt',
  knownTime: 'carried',
  clockSkew: '1d',
  dedupeWindow: '1m',
});
const outcome = source({
  name: 'outcome',
  schema: { orderId: string(), wasFraud: nullable(boolean()), foundAt: timestamp() },
  id: 'orderId',
  eventTime: 'foundAt',
  knownTime: 'carried',
  dedupeWindow: '1m',
});
const share = onDemand({
  name: 'share',
  views: { card: cardPayments },
  request: { value: number() },
  compute: ({ card, request }) => (card.sum24h === null ? null : request.value / (1 + card.sum24h)),
});
const service = featureService({
  name: 'fraud',
  views: [cardPayments, shopPayments],
  onDemand: [share],
  request: { value: number(), shopId: string() },
});
const fraud = model({
  name: 'fraud',
  service,
  examples: { source: order, id: 'orderId', decisionTime: { field: 'dueAt', offset: '-10m' } },
  label: { source: outcome, id: 'orderId', value: 'wasFraud' },
});

const orders = Array.from({ length: 60 }, (_, n) => {
  const knownTime = START + n * 90_000;
  return {
    orderId: `o${n}`,
    cardId: n % 9 === 0 ? null : `card-${n % 23}`,
    shopId: `shop-${n % 5}`,
    value: n,
    dueAt: knownTime + 30 * MINUTE_MS,
    knownTime,
  };
});
const labelKnownAt = (n: number): number => START + n * 90_000 + 60 * MINUTE_MS;

function events(): ReplayEvent[] {
  const placed = orders.map(({ knownTime, ...payload }) => ({
    source: 'order',
    id: payload.orderId,
    payload,
    knownTime,
  }));
  // Moved by an hour, known after the dedupe window: the later one counts.
  const moved = {
    ...placed[7],
    payload: { ...placed[7]?.payload, dueAt: (orders[7]?.dueAt ?? 0) + 60 * MINUTE_MS },
    knownTime: (orders[7]?.knownTime ?? 0) + 5 * MINUTE_MS,
  } as ReplayEvent;
  const found = orders.map((o, n) => ({
    source: 'outcome',
    id: o.orderId,
    knownTime: labelKnownAt(n),
    payload: { orderId: o.orderId, wasFraud: n % 10 === 3 ? null : n % 4 === 0, foundAt: labelKnownAt(n) },
  }));
  return [...placed, moved, ...found].sort((a, b) => a.knownTime - b.knownTime);
}

describe('the training set', () => {
  let path: EventPath;
  const paid = payments(700);
  beforeAll(async () => {
    path = await openEventPath(
      project({
        name: 'fraud',
        models: [fraud],
        views: [cardPayments, shopPayments],
        sources: [paymentSource],
      }),
    );
    await path.ingest();
    await path.fold();
    const offsets = [...(await path.replayer.send(replayOf(paid))), ...(await path.replayer.send(events()))];
    await path.store.waitVisible(path.programs, offsets, 40_000);
    await eventually('all stored', async () => {
      const [row] = await path.postgres.query<{ n: number }>(
        'SELECT sum(stored)::int AS n FROM millrace.ingest_positions',
      );
      return row?.n === 700 + 121;
    });
  });
  afterAll(() => path.close());

  test('every row is what the naive oracle reads as of its decision time, in float32', async () => {
    const { trainingSet, dataCut } = await buildTrainingSet(path, { model: fraud, dataCut: null });
    expect(dataCut).toBe(Math.max(paid.at(-1)?.knownTime ?? 0, labelKnownAt(59)));
    expect(trainingSet.rows).toBe(orders.filter((_, n) => n % 10 !== 3).length);
    expect([...trainingSet.decisionTimes]).toEqual([...trainingSet.decisionTimes].sort((a, b) => a - b));
    for (const [row, id] of trainingSet.exampleIds.entries()) {
      const n = Number(id.slice(1));
      const placed = orders[n];
      if (placed === undefined) throw new Error(id);
      const asOf = placed.dueAt - 10 * MINUTE_MS + (n === 7 ? 60 * MINUTE_MS : 0);
      expect(trainingSet.decisionTimes[row]).toBe(asOf);
      const card = naiveFeaturesOf(cardPayments, 'cardId', paid, placed.cardId ?? '', asOf);
      const shop = naiveFeaturesOf(shopPayments, 'shopId', paid, placed.shopId, asOf);
      const sum = card['sum24h'] ?? NaN;
      const expected = [
        ...Object.values(card),
        ...Object.values(shop),
        placed.value / (1 + sum),
        placed.value,
      ].map(Math.fround);
      expect([...trainingSet.numbers.subarray(row * expected.length, (row + 1) * expected.length)]).toEqual(
        expected,
      );
      expect(trainingSet.labels[row]).toBe(n % 4 === 0 ? 1 : 0);
      expect(trainingSet.labelKnownTimes[row]).toBe(labelKnownAt(n));
    }
  });

  test('nothing that became known after the data cut is in it', async () => {
    const dataCut = labelKnownAt(20);
    const { trainingSet } = await buildTrainingSet(path, { model: fraud, dataCut });
    expect(Math.max(...trainingSet.labelKnownTimes)).toBeLessThanOrEqual(dataCut);
    expect(Math.max(...trainingSet.decisionTimes)).toBeLessThanOrEqual(dataCut);
    const full = await buildTrainingSet(path, { model: fraud, dataCut: null });
    const width = trainingSet.numericNames.length;
    for (const [row, id] of trainingSet.exampleIds.entries()) {
      const at = full.trainingSet.exampleIds.indexOf(id);
      expect([...trainingSet.numbers.subarray(row * width, (row + 1) * width)]).toEqual([
        ...full.trainingSet.numbers.subarray(at * width, (at + 1) * width),
      ]);
    }
  });

  test('a contract on ages holds as of each decision time: null as served, and no example that would have been refused', async () => {
    const cardsWith = (onStale: 'null' | 'refuse', maxAge: Duration = '2m') => ({
      ...cardPayments,
      maxAge,
      onStale,
    });
    const buildWith = (view: FeatureView) =>
      buildTrainingSet(path, {
        model: { ...fraud, service: { ...service, views: [view, shopPayments] } },
        dataCut: null,
      });
    const { trainingSet: plain } = await buildTrainingSet(path, { model: fraud, dataCut: null });
    const { trainingSet: nulls } = await buildWith(cardsWith('null'));
    const { trainingSet: kept } = await buildWith(cardsWith('refuse'));
    const isStale = (id: string, row: number): boolean => {
      const { cardId } = orders[Number(id.slice(1))]!;
      const asOf = plain.decisionTimes[row]!;
      const own = paid.filter((e) => e.payment.cardId === cardId && e.knownTime <= asOf);
      return cardId !== null && !own.some((e) => asOf - e.knownTime <= 2 * MINUTE_MS);
    };
    const stale = plain.exampleIds.map(isStale);
    expect(new Set(stale).size).toBe(2);
    const width = plain.numericNames.length;
    const cards = Object.keys(cardPayments.features).length;
    stale.forEach((isOld, row) => {
      const values = [...nulls.numbers.subarray(row * width, row * width + cards)];
      expect(values).toEqual(
        isOld ? values.map(() => NaN) : [...plain.numbers.subarray(row * width, row * width + cards)],
      );
    });
    expect(kept.exampleIds).toEqual(plain.exampleIds.filter((_, row) => !stale[row]));
    const keptRows = plain.exampleIds.flatMap((_, row) => (stale[row] ? [] : [row]));
    keptRows.forEach((row, at) => {
      expect([...kept.numbers.subarray(at * width, (at + 1) * width)]).toEqual([
        ...plain.numbers.subarray(row * width, (row + 1) * width),
      ]);
      expect([kept.labels[at], kept.decisionTimes[at]]).toEqual([
        plain.labels[row],
        plain.decisionTimes[row],
      ]);
    });
    expect(nulls.serviceDigest).not.toBe(plain.serviceDigest);
    // Decisions are 20 minutes after orders that come every 90 seconds: none at a moment when one became known.
    const never = featureView({
      name: 'shop_orders',
      entity: shop,
      source: order,
      features: (a) => ({ count1h: a.count({ window: '1h' }) }),
      maxAge: '1s',
      onStale: 'refuse',
    });
    await expect(
      buildTrainingSet(path, {
        model: { ...fraud, service: { ...service, views: [never], onDemand: [] } },
        dataCut: labelKnownAt(20),
      }),
    ).rejects.toMatchObject({
      code: 'TRAINING_NO_EXAMPLES',
      message: expect.stringContaining('serving would have refused each') as string,
    });
  });

  test('a cut before the first label is a clear error', async () => {
    await expect(buildTrainingSet(path, { model: fraud, dataCut: START })).rejects.toMatchObject({
      code: 'TRAINING_NO_EXAMPLES',
    });
  });
});

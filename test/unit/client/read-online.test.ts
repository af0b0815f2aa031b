/* Every line after an expected error is a mistake that the compiler must find; the type check of the project runs them. */
import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  createMemoryOnlineStore,
  entity,
  featureService,
  featureView,
  foldOnline,
  nullable,
  number,
  onDemand,
  readOnline,
  source,
  string,
  timestamp,
} from '../../../src/index.ts';
import { ONLINE_KEYS_MAX } from '../../../src/client/read-online.ts';
import { compileView } from '../../../src/fold/compile-view.ts';

const HOUR_MS = 3_600_000;
const NOON = Date.UTC(2024, 0, 1, 12);
const payments = source({
  name: 'payment',
  schema: { id: string(), at: timestamp(), card: string(), shop: string(), amount: number() },
  id: 'id',
  eventTime: 'at',
});
const cards = featureView({
  name: 'cards',
  entity: entity({ name: 'card', keys: ['card'] }),
  source: payments,
  features: (a) => ({ count_1h: a.count({ window: '1h' }), mean_1h: a.mean('amount', { window: '1h' }) }),
});
const shops = featureView({
  name: 'shops',
  entity: entity({ name: 'shop', keys: ['shop'] }),
  source: payments,
  features: (a) => ({ spent_24h: a.sum('amount', { window: '24h' }) }),
  maxAge: '1h',
  onStale: 'null',
});
const ratio = onDemand({
  name: 'ratio',
  views: { cards },
  request: { amount: number() },
  compute: ({ cards: { mean_1h }, request }) => (mean_1h === null ? null : request.amount / mean_1h),
});
const fraud = featureService({
  name: 'fraud',
  views: [cards, shops],
  onDemand: [ratio],
  request: { country: nullable(string()) },
  exclude: ['cards.count_1h'],
});

const event = (minutesBefore: number, card: string, shop: string, amount: number) => {
  const at = NOON - minutesBefore * 60_000;
  return { payload: { id: `${card}-${at}`, at, card, shop, amount }, knownTime: at };
};

/** Card a pays 10 and 30 in the hour at shop s; the last of shop t is two hours old. */
async function setUp() {
  const store = createMemoryOnlineStore();
  const events = [event(120, 'a', 't', 5), event(30, 'a', 's', 10), event(10, 'a', 's', 30)];
  await foldOnline(store, cards, events.slice(0, 2));
  await foldOnline(store, cards, events.slice(2));
  await foldOnline(store, shops, events);
  return store;
}

describe('a read by library call', () => {
  it('gives the features of views by name, under their contracts', async () => {
    const store = await setUp();
    const read = await readOnline(store, {
      views: [cards, shops],
      entities: [
        { card: 'a', shop: 's' },
        { card: 'b', shop: 't' },
        { card: null, shop: null },
      ],
      asOf: NOON,
    });
    expect(read).toEqual({
      asOf: NOON,
      rows: [
        { 'cards.count_1h': 2, 'cards.mean_1h': 20, 'shops.spent_24h': 40 },
        { 'cards.count_1h': 0, 'cards.mean_1h': null, 'shops.spent_24h': null },
        { 'cards.count_1h': 0, 'cards.mean_1h': null, 'shops.spent_24h': null },
      ],
      views: [
        { view: 'cards', version: 1, stale: [] },
        { view: 'shops', version: 1, stale: [1] },
      ],
    });
    expectTypeOf(read.rows[0]!['cards.mean_1h']).toEqualTypeOf<number | null>();
    // @ts-expect-error -- the view has no such feature
    expect(read.rows[0]!['cards.mean_2h']).toBeUndefined();
  });

  it('gives the row of a service, ages and fences where they are asked for', async () => {
    const store = await setUp();
    const include = { ages: true, fences: true };
    const { rows, views } = await readOnline(store, {
      service: fraud,
      entities: [{ card: 'a', shop: 's', amount: 5, country: 'NO' }],
      asOf: NOON,
      include,
    });
    expect(rows).toEqual([{ 'cards.mean_1h': 20, 'shops.spent_24h': 40, ratio: 0.25, country: 'NO' }]);
    expect(views[0]).toEqual({
      view: 'cards',
      version: 1,
      stale: [],
      ageMs: [HOUR_MS / 6],
      fences: [{ 0: 2 }],
    });
    expectTypeOf(rows[0]!.ratio).toEqualTypeOf<number | null>();
    expectTypeOf(rows[0]!.country).toEqualTypeOf<string | null>();
    // @ts-expect-error -- it is excluded
    expect(rows[0]!['cards.count_1h']).toBeUndefined();
  });

  it('refuses what the types refuse, and what they can not see', async () => {
    const store = await setUp();
    const refused = { code: 'REQUEST_INVALID' };
    // @ts-expect-error -- a key is missing: it may be null, but must be said
    await readOnline(store, { views: [cards, shops], entities: [{ card: 'a' }] });
    // @ts-expect-error -- a number is no key
    const number = readOnline(store, { views: [cards], entities: [{ card: 7 }] });
    await expect(number).rejects.toMatchObject(refused);
    // @ts-expect-error -- the views have no such key
    const key = readOnline(store, { views: [cards], entities: [{ card: 'a', town: 'x' }] });
    await expect(key).rejects.toMatchObject(refused);
    const request = { card: 'a', shop: 's', amount: 5, country: null };
    // @ts-expect-error -- the service has no such request field
    const field = readOnline(store, { service: fraud, entities: [{ ...request, fee: 1 }] });
    await expect(field).rejects.toMatchObject(refused);
    const many = Array.from({ length: ONLINE_KEYS_MAX + 1 }, () => ({ card: 'a' }));
    await expect(readOnline(store, { views: [cards], entities: many })).rejects.toMatchObject(refused);
  });
});

describe('events that are folded without a stream', () => {
  it('move the positions that a reader can wait for', async () => {
    const store = await setUp();
    await store.waitVisible([compileView(cards)], [{ sourceName: 'payment', partition: 0, offset: 2 }], 0);
    expect((await store.readPositions(compileView(shops)))[0]).toMatchObject({
      newestKnownTime: NOON - HOUR_MS / 6,
    });
  });

  it('are refused together where one does not fit, and where another writer was there first', async () => {
    const store = createMemoryOnlineStore();
    const wrong = { payload: { id: 'x' }, knownTime: NOON };
    await expect(foldOnline(store, cards, [event(1, 'a', 's', 1), wrong])).rejects.toMatchObject({
      code: 'STREAM_EVENT_INVALID',
      message: expect.stringMatching(/events\[1\]: field 'at'.*events\[1\]: field 'amount'/) as string,
    });
    expect(await store.readPositionText(compileView(cards), 0)).toBe('');
    const both = [
      foldOnline(store, cards, [event(1, 'a', 's', 1)]),
      foldOnline(store, cards, [event(2, 'a', 's', 1)]),
    ];
    const codes = (await Promise.allSettled(both)).map((one) =>
      one.status === 'rejected' ? (one.reason as { code: string }).code : 'done',
    );
    expect(codes.sort()).toEqual(['STORE_REBUILD_BUSY', 'done']);
  });
});

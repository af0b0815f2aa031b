/* Every line after an expected error is a mistake that the compiler must find; the type check of the project runs them. */
import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  boolean,
  derivedSource,
  entity,
  featureService,
  featureView,
  nullable,
  number,
  project,
  source,
  string,
  timestamp,
  type Row,
  type ViewsRead,
} from '../../../src/index.ts';
import { requestSchemaOf } from '../../../src/define/request-schema.ts';

const payments = source({
  name: 'payment',
  schema: { id: string(), at: timestamp(), card: string(), shop: nullable(string()), amount: number() },
  id: 'id',
  eventTime: 'at',
});
const shops = source({
  name: 'shop_profile',
  schema: {
    id: string(),
    shopId: string(),
    country: nullable(string()),
    rating: number(),
    open: boolean(),
    at: timestamp(),
  },
  id: 'id',
  eventTime: 'at',
});
const cards = featureView({
  name: 'cards',
  entity: entity({ name: 'card', keys: ['cardId'] }),
  source: payments,
  keyFields: { cardId: 'card' },
  features: (a) => ({ count_1h: a.count({ window: '1h' }), last: a.lastN('amount', { window: '1h', n: 2 }) }),
});
const enriched = derivedSource({
  name: 'enriched_payment',
  from: payments,
  attach: (a) => ({
    country: a.latest(shops, 'country', { by: { shopId: 'shop' } }),
    is_open: a.latest(shops, 'open', { by: { shopId: 'shop' } }),
    changed_at: a.latest(shops, 'at', { by: { shopId: 'shop' } }),
    card_count: a.feature(cards, 'count_1h', { keyFields: { cardId: 'card' } }),
    before_last: a.feature(cards, 'last_2', { keyFields: { cardId: 'card' } }),
  }),
});

describe('types of a derived source', () => {
  it('are those of the carried fields and, nullable, of what is attached', () => {
    expectTypeOf<Row<typeof enriched.schema>>().toEqualTypeOf<{
      readonly id: string;
      readonly at: number;
      readonly card: string;
      readonly shop: string | null;
      readonly amount: number;
      readonly country: string | null;
      readonly is_open: boolean | null;
      readonly changed_at: number | null;
      readonly card_count: number | null;
      readonly before_last: number | null;
    }>();
    expect(
      Object.entries(enriched.schema).map(([name, { type, nullable: isNullable }]) => [
        name,
        type,
        isNullable,
      ]),
    ).toEqual([
      ['id', 'string', false],
      ['at', 'timestamp', false],
      ['card', 'string', false],
      ['shop', 'string', true],
      ['amount', 'number', false],
      ['country', 'string', true],
      ['is_open', 'boolean', true],
      ['changed_at', 'timestamp', true],
      ['card_count', 'number', true],
      ['before_last', 'number', true],
    ]);
  });

  it('know what is carried only, and carry the id and the event time in any case', () => {
    const narrow = derivedSource({
      name: 'narrow',
      from: payments,
      carry: ['card'],
      attach: (a) => ({ rating: a.latest(shops, 'rating', { by: { shopId: 'shop' } }) }),
    });
    expectTypeOf<Row<typeof narrow.schema>>().toEqualTypeOf<{
      readonly card: string;
      readonly rating: number | null;
    }>();
    expect(Object.keys(narrow.schema)).toEqual(['id', 'at', 'card', 'rating']);
    featureView({
      name: 'v',
      entity: entity({ name: 'card', keys: ['card'] }),
      source: narrow,
      features: (a) => ({
        mean: a.mean('rating', { window: '1h' }),
        // @ts-expect-error -- not carried
        amount: a.mean('amount', { window: '1h' }),
      }),
    });
  });

  it('refuse fields, features and keys that are not there', () => {
    derivedSource({
      name: 'd',
      from: payments,
      // @ts-expect-error -- no such field
      carry: ['price'],
      attach: (a) => ({
        // @ts-expect-error -- the table has no such field
        a: a.latest(shops, 'town', { by: { shopId: 'shop' } }),
        // @ts-expect-error -- the table has no such key
        b: a.latest(shops, 'country', { by: { shopName: 'shop' } }),
        // @ts-expect-error -- a number is no key
        c: a.latest(shops, 'country', { by: { shopId: 'amount' } }),
        // @ts-expect-error -- by what is not said
        d: a.latest(shops, 'country'),
        // @ts-expect-error -- the view has no such feature
        e: a.feature(cards, 'count_2h', { keyFields: { cardId: 'card' } }),
        // @ts-expect-error -- the entity has no such key
        f: a.feature(cards, 'count_1h', { keyFields: { shopId: 'shop' } }),
        // @ts-expect-error -- the event has no such field
        g: a.feature(cards, 'count_1h', { keyFields: { cardId: 'pan' } }),
      }),
    });
    expect(project({ name: 'p', sources: [enriched] }).sources.map(({ name }) => name)).toEqual([
      'payment',
      'shop_profile',
      'enriched_payment',
    ]);
    expect(project({ name: 'p', sources: [enriched] }).views).toEqual([cards]);
  });
});

describe('types of a view without key fields', () => {
  it('ask a request for no key', () => {
    const all = featureView({
      name: 'all_payments',
      entity: entity({ name: 'everything', keys: [] }),
      source: payments,
      features: (a) => ({ count_1h: a.count({ window: '1h' }) }),
    });
    expectTypeOf<keyof ViewsRead<readonly [typeof all]>['entities'][number]>().toEqualTypeOf<never>();
    expectTypeOf<
      keyof ViewsRead<readonly [typeof all, typeof cards]>['entities'][number]
    >().toEqualTypeOf<'cardId'>();
    const service = featureService({ name: 's', views: [all], request: { amount: number() } });
    expect(Object.keys(requestSchemaOf(service))).toEqual(['amount']);
    expect(all.partitions).toBe(1);
  });
});

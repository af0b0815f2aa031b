/* Every line after an expected error is a mistake that the compiler must find; the type check of the project runs them. */
import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  boolean,
  entity,
  featureService,
  featureView,
  model,
  nullable,
  number,
  onDemand,
  source,
  string,
  timestamp,
  type Row,
} from '../../../src/index.ts';

const payments = source({
  name: 'payment',
  schema: {
    id: string(),
    at: timestamp(),
    card: string(),
    amount: number(),
    fee: nullable(number()),
    fraud: nullable(boolean()),
  },
  id: 'id',
  eventTime: 'at',
});
const card = entity({ name: 'card', keys: ['card'] });
const cards = featureView({
  name: 'cards',
  entity: card,
  source: payments,
  features: (a) => ({ count_1h: a.count({ window: '1h' }), mean_1h: a.mean('amount', { window: '1h' }) }),
});
const service = featureService({ name: 'fraud', views: [cards], request: { amount: number() } });

describe('types', () => {
  it('give a row the values of its schema', () => {
    expectTypeOf<Row<typeof payments.schema>['amount']>().toEqualTypeOf<number>();
    expectTypeOf<Row<typeof payments.schema>['fee']>().toEqualTypeOf<number | null>();
    expectTypeOf<Row<typeof payments.schema>['at']>().toEqualTypeOf<number>();
  });

  it('refuse a source whose id or event time is no such field', () => {
    const schema = { id: string(), at: timestamp() };
    // @ts-expect-error -- a timestamp is no id
    source({ name: 's', schema, id: 'at', eventTime: 'at' });
    // @ts-expect-error -- there is no field of that name
    source({ name: 's', schema, id: 'id', eventTime: 'when' });
    expect(payments.id).toBe('id');
  });

  it('refuse an aggregation of a field that is not there or has the wrong type', () => {
    featureView({
      name: 'v',
      entity: card,
      source: payments,
      features: (a) => ({
        // @ts-expect-error -- no such field
        a: a.mean('price', { window: '1h' }),
        // @ts-expect-error -- a text has no mean
        b: a.mean('card', { window: '1h' }),
        // @ts-expect-error -- no such unit
        c: a.count({ window: '1w' }),
        // @ts-expect-error -- a number is compared with a number
        d: a.count({ window: '1h', where: { amount: 'big' } }),
        // @ts-expect-error -- no such field
        e: a.count({ window: '1h', where: { price: 1 } }),
        // @ts-expect-error -- a text has no order
        f: a.count({ window: '1h', where: { card: { gt: 'a' } } }),
        // @ts-expect-error -- a timestamp has no skewness
        g: a.skewness('at', { window: '1h' }),
        // @ts-expect-error -- a text is no number
        h: a.first('card', { window: '1h' }),
        // @ts-expect-error -- without a half-life
        i: a.decayedCount({ window: '1h' }),
        // @ts-expect-error -- a ratio is of aggregations, not of a ratio
        k: a.ratio(a.ratio(a.count({ window: '1h' }), a.count({ window: '1h' })), a.count({ window: '1h' })),
        // @ts-expect-error -- nor of a group
        l: a.difference(a.lastN('amount', { window: '1h', n: 2 }), a.count({ window: '1h' })),
        // @ts-expect-error -- a window is a duration or a lifetime
        m: a.count({ window: 'life' }),
        // @ts-expect-error -- a boolean has two values
        n: a.approxDistinct('fraud', { window: '1h' }),
        // @ts-expect-error -- which quantile is not said
        o: a.approxQuantile('amount', { window: '1h' }),
        // @ts-expect-error -- a text has no quantile
        p: a.approxQuantile('card', { window: '1h', q: 0.5 }),
        // @ts-expect-error -- a number has no categories
        q: a.topK('amount', { window: '1h', k: 3 }),
        // @ts-expect-error -- more than are kept
        r: a.topK('card', { window: '1h', k: 17 }),
        // @ts-expect-error -- a text lies between no edges
        s: a.histogram('card', { window: '1h', edges: [1] }),
        // @ts-expect-error -- a number is no listed text
        t: a.histogram('amount', { window: '1h', values: ['a'] }),
        // @ts-expect-error -- a timestamp has no sum
        j: a.decayedSum('at', { window: '1h', halfLife: '1h' }),
      }),
    });
    expect(Object.keys(cards.features)).toEqual(['count_1h', 'mean_1h']);
  });

  it('refuse key fields that are no texts of the source', () => {
    const definition = { name: 'v', entity: card, source: payments, features: () => ({}) } as const;
    // @ts-expect-error -- a number is no key
    featureView({ ...definition, keyFields: { card: 'amount' } });
    // @ts-expect-error -- the entity has no such key
    featureView({ ...definition, keyFields: { town: 'card' } });
    expect(cards.keyFields).toEqual({ card: 'card' });
  });

  it('name the features and request fields that an on-demand feature may use', () => {
    const feature = onDemand({
      name: 'ratio',
      views: { cards },
      request: { amount: number() },
      compute: ({ cards: features, request, asOf }) => {
        expectTypeOf(features.mean_1h).toEqualTypeOf<number | null>();
        expectTypeOf(request.amount).toEqualTypeOf<number>();
        expectTypeOf(asOf).toEqualTypeOf<number>();
        // @ts-expect-error -- the view has no such feature
        void features.mean_2h;
        // @ts-expect-error -- the request has no such field
        void request.fee;
        return features.mean_1h === null ? null : request.amount / features.mean_1h;
      },
    });
    expect(feature.name).toBe('ratio');
  });

  it('name the features that a group makes', () => {
    const view = featureView({
      name: 'amounts',
      entity: card,
      source: payments,
      features: (a) => ({
        count: a.count({ window: '1h' }),
        last_amounts: a.lastN('amount', { window: '1h', n: 3 }),
      }),
    });
    const bins = featureView({
      name: 'bins',
      entity: card,
      source: payments,
      features: (a) => ({
        top: a.topK('card', { window: '1h', k: 2 }),
        kinds: a.histogram('card', { window: '1h', values: ['a b', 'c'] }),
        amounts: a.histogram('amount', { window: '1h', edges: [-1, 0.5, 10] }),
      }),
    });
    expectTypeOf<keyof typeof bins.features>().toEqualTypeOf<
      | ('top_1' | 'top_2')
      | ('kinds_a_b' | 'kinds_c' | 'kinds_other')
      | ('amounts_below__1' | 'amounts__1_to_0_5' | 'amounts_0_5_to_10' | 'amounts_from_10')
    >();
    expect(Object.keys(bins.features)).toEqual([
      ...['top_1', 'top_2', 'kinds_a_b', 'kinds_c', 'kinds_other'],
      ...['amounts_below__1', 'amounts__1_to_0_5', 'amounts_0_5_to_10', 'amounts_from_10'],
    ]);
    expectTypeOf<keyof typeof view.features>().toEqualTypeOf<
      'count' | 'last_amounts_1' | 'last_amounts_2' | 'last_amounts_3'
    >();
    onDemand({
      name: 'step',
      views: { view },
      compute: ({ view: features }) => {
        expectTypeOf(features.last_amounts_2).toEqualTypeOf<number | null>();
        // @ts-expect-error -- three are kept
        void features.last_amounts_9;
        // @ts-expect-error -- a group is no feature
        void features.last_amounts;
        return features.last_amounts_1;
      },
    });
    featureService({ name: 's', views: [view], exclude: ['amounts.last_amounts_3'] });
    // @ts-expect-error -- three are kept
    featureService({ name: 's', views: [view], exclude: ['amounts.last_amounts_4'] });
    const features = { name: 'v', entity: card, source: payments };
    // @ts-expect-error -- at most 16
    featureView({ ...features, features: (a) => ({ a: a.lastN('amount', { window: '1h', n: 17 }) }) });
    // @ts-expect-error -- how many is not said
    featureView({ ...features, features: (a) => ({ a: a.lastN('amount', { window: '1h' }) }) });
    expect(Object.keys(view.features)).toEqual([
      'count',
      'last_amounts_1',
      'last_amounts_2',
      'last_amounts_3',
    ]);
  });

  it('name a feature for each category, made safe', () => {
    const view = featureView({
      name: 'buckets',
      entity: card,
      source: payments,
      features: (a) => ({
        n: a.count({ window: '1h', bucketBy: { field: 'card', values: ['NO', 'New York', 'æ.1'] } }),
        sum: a.sum('amount', {
          window: '1h',
          where: { fraud: true },
          bucketBy: { field: 'id', values: ['x'] },
        }),
        max: a.max('at', { window: '1h' }),
      }),
    });
    expectTypeOf<keyof typeof view.features>().toEqualTypeOf<
      'n_NO' | 'n_New_York' | 'n___1' | 'sum_x' | 'max'
    >();
    featureView({
      name: 'v',
      entity: card,
      source: payments,
      features: (a) => ({
        // @ts-expect-error -- a number has no categories
        a: a.count({ window: '1h', bucketBy: { field: 'amount', values: ['1'] } }),
        // @ts-expect-error -- a category is a text
        b: a.count({ window: '1h', bucketBy: { field: 'card', values: [1] } }),
        // @ts-expect-error -- not of a last
        c: a.last('amount', { window: '1h', bucketBy: { field: 'card', values: ['a'] } }),
      }),
    });
    expect(Object.keys(view.features)).toEqual(['n_NO', 'n_New_York', 'n___1', 'sum_x', 'max']);
  });

  it('refuse to exclude a feature that the service does not have', () => {
    // @ts-expect-error -- no such feature
    featureService({ name: 's', views: [cards], exclude: ['cards.count_2h'] });
    expect(featureService({ name: 's', views: [cards], exclude: ['cards.count_1h'] }).exclude).toHaveLength(
      1,
    );
  });

  it('refuse a model whose label, decision time or segment does not fit', () => {
    const examples = { source: payments, id: 'id', decisionTime: { field: 'at' } } as const;
    const label = { source: payments, id: 'id', value: 'fraud' } as const;
    // @ts-expect-error -- a label is a boolean
    model({ name: 'm', service, examples, label: { ...label, value: 'amount' } });
    // @ts-expect-error -- a decision time is a timestamp
    model({ name: 'm', service, examples: { ...examples, decisionTime: { field: 'amount' } }, label });
    // @ts-expect-error -- the request has no such field
    model({ name: 'm', service, examples, label, segments: ['town'] });
    // @ts-expect-error -- nor may a shadow be compared by it
    model({ name: 'm', service, examples, label, rollout: { segments: ['town'] } });
    expect(model({ name: 'm', service, examples, label, segments: ['card'] }).rollout.segments).toEqual(['card']);
    expect(model({ name: 'm', service, examples, label, segments: ['card'], rollout: { segments: [] } }).rollout.segments).toEqual([]);
  });
});

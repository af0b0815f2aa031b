import {
  boolean,
  entity,
  featureView,
  nullable,
  number,
  source,
  string,
  timestamp,
} from '../../src/index.ts';

export const payments = source({
  name: 'payment',
  schema: {
    id: string(),
    at: timestamp(),
    card: string(),
    amount: number(),
    fee: nullable(number()),
    online: boolean(),
  },
  id: 'id',
  eventTime: 'at',
});

/** 10 aggregations over 3 windows. */
export const activity = featureView({
  name: 'card_activity',
  entity: entity({ name: 'card', keys: ['card'] }),
  source: payments,
  features: (a) => ({
    count_1h: a.count({ window: '1h' }),
    sum_1h: a.sum('amount', { window: '1h' }),
    mean_1h: a.mean('amount', { window: '1h' }),
    max_1h: a.max('amount', { window: '1h' }),
    count_24h: a.count({ window: '24h' }),
    mean_24h: a.mean('amount', { window: '24h' }),
    stddev_24h: a.stddev('amount', { window: '24h' }),
    online_24h: a.count({ window: '24h', where: { online: true } }),
    last_fee_7d: a.last('fee', { window: '7d' }),
    since_7d: a.timeSinceLast({ window: '7d' }),
  }),
});

/** Park and Miller's generator: the same events in every run. */
export function createRandom(): () => number {
  let seed = 12_345;
  return () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
}

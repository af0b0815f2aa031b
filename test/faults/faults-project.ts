/** The project that the fault suite runs: two sources, one with carried and one with the broker's known time, four views. */
import { entity } from '../../src/define/entity.ts';
import { featureView } from '../../src/define/feature-view.ts';
import { boolean, nullable, number, string, timestamp } from '../../src/define/field.ts';
import { project } from '../../src/define/project.ts';
import { source } from '../../src/define/source.ts';

const customer = entity({ name: 'customer', keys: ['customerId'] });
const shop = entity({ name: 'shop', keys: ['shopId'] });
const reader = entity({ name: 'reader', keys: ['customerId', 'page'] });

export const orderSource = source({
  name: 'order',
  schema: {
    orderId: string(),
    customerId: nullable(string()),
    shopId: string(),
    amount: number(),
    paid: nullable(boolean()),
    orderedAt: timestamp(),
  },
  id: 'orderId',
  eventTime: 'orderedAt',
  knownTime: 'carried',
  clockSkew: '1m',
  dedupeWindow: '2h',
  partitions: 3,
});

export const clickSource = source({
  name: 'click',
  schema: {
    clickId: string(),
    customerId: string(),
    page: nullable(string()),
    dwell: number(),
    clickedAt: timestamp(),
  },
  id: 'clickId',
  eventTime: 'clickedAt',
  clockSkew: '10s',
  partitions: 2,
});

const customerOrders = featureView({
  name: 'customer_orders',
  entity: customer,
  source: orderSource,
  partitions: 2,
  features: (a) => ({
    count1h: a.count({ window: '1h' }),
    sum24h: a.sum('amount', { window: '24h' }),
    spread24h: a.stddev('amount', { window: '24h' }),
    paid24h: a.count({ window: '24h', where: { paid: true } }),
    last24h: a.last('amount', { window: '24h' }),
  }),
});

const shopOrders = featureView({
  name: 'shop_orders',
  entity: shop,
  source: orderSource,
  partitions: 3,
  features: (a) => ({
    count6h: a.count({ window: '6h' }),
    mean6h: a.mean('amount', { window: '6h' }),
    max24h: a.max('amount', { window: '24h' }),
    large24h: a.sum('amount', { window: '24h', where: { amount: { gte: 150 } } }),
  }),
});

const customerClicks = featureView({
  name: 'customer_clicks',
  entity: customer,
  source: clickSource,
  partitions: 2,
  features: (a) => ({
    count1m: a.count({ window: '1m' }),
    count90d: a.count({ window: '90d' }),
    dwell10m: a.sum('dwell', { window: '10m' }),
    since1h: a.timeSinceLast({ window: '1h' }),
  }),
});

const readerClicks = featureView({
  name: 'reader_clicks',
  entity: reader,
  source: clickSource,
  partitions: 2,
  features: (a) => ({
    count1h: a.count({ window: '1h' }),
    min1h: a.min('dwell', { window: '1h' }),
    mean5m: a.mean('dwell', { window: '5m' }),
  }),
});

export default project({
  name: 'faults',
  views: [customerOrders, shopOrders, customerClicks, readerClicks],
});

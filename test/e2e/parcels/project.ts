import {
  boolean,
  entity,
  featureService,
  featureView,
  logisticRegression,
  model,
  nullable,
  number,
  onDemand,
  project,
  source,
  string,
  timestamp,
} from '../../../src/index.ts';

/* A small world with everything in it: several partitions, late and early events, keys of two fields, nulls. */

export const orders = source({
  name: 'orders',
  schema: {
    orderId: string(),
    placedAt: timestamp(),
    courier: string(),
    district: nullable(string()),
    amount: number(),
    express: boolean(),
  },
  id: 'orderId',
  eventTime: 'placedAt',
  knownTime: 'carried',
  clockSkew: '10m',
  partitions: 3,
});

export const deliveries = source({
  name: 'deliveries',
  schema: {
    deliveryId: string(),
    orderId: string(),
    deliveredAt: timestamp(),
    courier: string(),
    district: nullable(string()),
    minutes: nullable(number()),
    late: nullable(boolean()),
  },
  id: 'deliveryId',
  eventTime: 'deliveredAt',
  knownTime: 'carried',
  clockSkew: '10m',
  partitions: 2,
});

export const courier = entity({ name: 'courier', keys: ['courier'] });
const district = entity({ name: 'district', keys: ['district'] });
const courierInDistrict = entity({ name: 'courier_in_district', keys: ['courier', 'district'] });

export const courierDeliveries = featureView({
  name: 'courier_deliveries',
  entity: courier,
  source: deliveries,
  partitions: 3,
  features: (a) => ({
    count_3h: a.count({ window: '3h' }),
    mean_minutes_3h: a.mean('minutes', { window: '3h' }),
    late_share_24h: a.mean('late', { window: '24h' }),
    stddev_minutes_24h: a.stddev('minutes', { window: '24h' }),
    last_minutes: a.last('minutes', { window: '24h' }),
    since_delivery: a.timeSinceLast({ window: '24h' }),
  }),
});

export const districtOrders = featureView({
  name: 'district_orders',
  entity: district,
  source: orders,
  partitions: 2,
  features: (a) => ({
    count_1h: a.count({ window: '1h' }),
    express_6h: a.count({ window: '6h', where: { express: true } }),
    large_share_6h: a.mean('express', { window: '6h', where: { amount: { gte: 40 } } }),
    sum_amount_6h: a.sum('amount', { window: '6h', hop: '10m' }),
    max_amount_24h: a.max('amount', { window: '24h' }),
    last_placed_at: a.last('placedAt', { window: '6h' }),
  }),
});

export const courierDistrictDeliveries = featureView({
  name: 'courier_district_deliveries',
  entity: courierInDistrict,
  source: deliveries,
  partitions: 4,
  features: (a) => ({
    mean_minutes_7d: a.mean('minutes', { window: '7d' }),
    min_minutes_7d: a.min('minutes', { window: '7d' }),
    late_7d: a.count({ window: '7d', where: { late: true } }),
  }),
});

const MINUTE_MS = 60_000;

export const minutesSinceOrder = onDemand({
  name: 'minutes_since_order',
  views: { district: districtOrders },
  request: { placedAt: timestamp() },
  compute: ({ district: { last_placed_at: last }, request }) =>
    last === null ? null : (request.placedAt - last) / MINUTE_MS,
});

export const isBusy = onDemand({
  name: 'is_busy',
  views: { district: districtOrders, courier: courierDeliveries },
  compute: ({ district: { count_1h: placed }, courier: { count_3h: done } }) =>
    (placed ?? 0) * 3 > (done ?? 0),
});

export const lateParcel = model({
  name: 'late_parcel',
  service: featureService({
    name: 'late_parcel',
    views: [courierDeliveries, districtOrders, courierDistrictDeliveries],
    onDemand: [minutesSinceOrder, isBusy],
    request: { amount: number(), express: boolean(), courier: string() },
    exclude: ['district_orders.last_placed_at'],
  }),
  examples: { source: orders, id: 'orderId', decisionTime: { field: 'placedAt' } },
  label: { source: deliveries, id: 'orderId', value: 'late' },
  trainer: logisticRegression({ epochs: 2, batchRows: 128 }),
  split: { holdout: '2d', gap: '6h' },
  segments: ['courier'],
  // Retraining is asked for by the test alone.
  monitor: {
    window: '1d',
    labelDelay: '6h',
    driftedFeatures: 100,
    predictionPsi: 100,
    logLossIncrease: 100,
    every: '5s',
  },
  rollout: {
    shadowDecisions: 30,
    canaryShares: [0.5],
    outcomesPerStep: 20,
    pollIntervalMs: 200,
    maxLogLossIncrease: 10,
    maxLatencyRatio: 1_000,
    maxMeanScoreDifference: 1,
    maxFlipRate: 1,
    maxSegmentFlipRate: 1,
    maxMeanScoreDistance: 1,
    maxSegmentMeanScoreDistance: 1,
    maxCanaryLogLossIncrease: 10,
  },
});

export default project({ name: 'parcels', models: [lateParcel] });

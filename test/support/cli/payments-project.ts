import {
  boolean,
  entity,
  featureService,
  featureView,
  logisticRegression,
  model,
  number,
  project,
  source,
  string,
  timestamp,
} from '../../../src/index.ts';

/** A small project through the public API, as a user would write it. */
export const card = entity({ name: 'card', keys: ['cardId'] });
export const payments = source({
  name: 'payments',
  schema: { paymentId: string(), cardId: string(), amount: number(), at: timestamp() },
  id: 'paymentId',
  eventTime: 'at',
  knownTime: 'carried',
  partitions: 2,
});
const chargebacks = source({
  name: 'chargebacks',
  schema: { id: string(), paymentId: string(), fraud: boolean(), at: timestamp() },
  id: 'id',
  eventTime: 'at',
});
const cardActivity = featureView({
  name: 'card_activity',
  entity: card,
  source: payments,
  features: (a) => ({
    payments_1h: a.count({ window: '1h' }),
    mean_amount_1d: a.mean('amount', { window: '1d' }),
  }),
});
export const fraud = model({
  name: 'fraud',
  service: featureService({ name: 'fraud', views: [cardActivity], request: { amount: number() } }),
  examples: { source: payments, id: 'paymentId', decisionTime: { field: 'at' } },
  label: { source: chargebacks, id: 'paymentId', value: 'fraud' },
  trainer: logisticRegression(),
});

export default project({ name: 'payments', models: [fraud] });

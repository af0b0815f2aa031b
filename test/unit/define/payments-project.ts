import {
  boolean,
  entity,
  featureService,
  featureView,
  model,
  nullable,
  number,
  project,
  source,
  string,
  timestamp,
} from '../../../src/index.ts';
import type { FeatureDefinition } from '../../../src/define/aggregation.ts';
import type { Aggregations } from '../../../src/define/aggregations.ts';
import { validateProject } from '../../../src/define/validate-project.ts';

type Definitions = Readonly<Record<string, FeatureDefinition>>;

export const payments = source({
  name: 'payment',
  schema: {
    id: string(),
    at: timestamp(),
    card: string(),
    amount: number(),
    fraud: nullable(boolean()),
    note: nullable(string()),
  },
  id: 'id',
  eventTime: 'at',
});
export const cardEntity = entity({ name: 'card', keys: ['card'] });
export const cards = featureView({
  name: 'card_activity',
  entity: cardEntity,
  source: payments,
  features: (a) => ({ count: a.count({ window: '1h' }), mean: a.mean('amount', { window: '24h' }) }),
});
export const service = featureService({
  name: 'fraud',
  views: [cards],
  request: { amount: number(), note: nullable(string()) },
});
export const fraud = model({
  name: 'fraud',
  service,
  examples: { source: payments, id: 'id', decisionTime: { field: 'at', offset: '-30m' } },
  label: { source: payments, id: 'id', value: 'fraud' },
  segments: ['note'],
});

export const problemsOfSource = (change: object) =>
  validateProject(project({ name: 'p', sources: [{ ...payments, ...change }] }));
export const problemsOfView = (change: object) =>
  validateProject(project({ name: 'p', views: [{ ...cards, ...change }] }));
export const problemsOfFeature = (aggregation: object) =>
  problemsOfView({ features: { f: { kind: 'count', field: null, window: '1h', ...aggregation } } });
/** Of the definitions of a view as they are written. */
export const problemsOfFeatures = (features: (a: Aggregations<typeof payments.schema>) => Definitions) =>
  validateProject(
    project({
      name: 'p',
      views: [featureView({ name: 'card_activity', entity: cardEntity, source: payments, features })],
    }),
  );
export const problemsOfService = (change: object) =>
  validateProject(project({ name: 'p', services: [{ ...service, ...change }] }));
export const problemsOfModel = (change: object) =>
  validateProject(project({ name: 'p', models: [{ ...fraud, ...change }] }));

import {
  boolean,
  entity,
  featureService,
  featureView,
  logisticRegression,
  model,
  nullable,
  number,
  project,
  source,
  string,
  timestamp,
} from '../../../src/index.ts';

/** Support tickets that come back or don't: numbers that may be null, and a category. */
const desk = entity({ name: 'desk', keys: ['deskId'] });
export const tickets = source({
  name: 'tickets',
  schema: { ticketId: string(), deskId: string(), topic: nullable(string()), minutes: nullable(number()), at: timestamp() },
  id: 'ticketId',
  eventTime: 'at',
  knownTime: 'carried',
  partitions: 1,
});
export const returns = source({
  name: 'returns',
  schema: { ticketId: string(), returned: boolean(), at: timestamp() },
  id: 'ticketId',
  eventTime: 'at',
  knownTime: 'carried',
  partitions: 1,
});
const deskLoad = featureView({
  name: 'desk_load',
  entity: desk,
  source: tickets,
  partitions: 1,
  features: (a) => ({ tickets_1d: a.count({ window: '1d' }), mean_minutes_7d: a.mean('minutes', { window: '7d' }) }),
});
const comesBack = model({
  name: 'comes_back',
  service: featureService({ name: 'ticket', views: [deskLoad], request: { minutes: nullable(number()), topic: nullable(string()) } }),
  examples: { source: tickets, id: 'ticketId', decisionTime: { field: 'at' } },
  label: { source: returns, id: 'ticketId', value: 'returned' },
  trainer: logisticRegression(),
});

export default project({ name: 'tickets', models: [comesBack] });

import { featureService, model, nullable, number, project, source, string, timestamp, boolean, type Field, type ServingPolicy } from '../../src/index.ts';
import { sources as viewSources, views } from '../feast/feast-project.ts';

const REQUEST_NUMBERS = 20;

/** Names of the numbers that come with a request. */
export const requestNumbers = Array.from({ length: REQUEST_NUMBERS }, (_, i) => `r${i}`);

const numbers = Object.fromEntries(requestNumbers.map((name) => [name, nullable(number())])) as Record<string, Field<'number', true>>;

/** 40 columns: 20 features of three views, and 20 numbers of the request. */
export const reference = featureService({ name: 'reference', views: [...views], request: { ...numbers } });

const orders = source({
  name: 'orders',
  schema: { orderId: string(), customer: string(), at: timestamp(), ...numbers },
  id: 'orderId',
  eventTime: 'at',
});
const outcomes = source({ name: 'outcomes', schema: { orderId: string(), at: timestamp(), bad: boolean() }, id: 'orderId', eventTime: 'at' });

const modelOf = <Name extends string>(name: Name, serving: ServingPolicy = {}) =>
  model({
    name,
    service: reference,
    examples: { source: orders, id: 'orderId', decisionTime: { field: 'at' } },
    label: { source: outcomes, id: 'orderId', value: 'bad' },
    serving,
  });

/** The two reference models, and the heavier one again with batches of a single row, what it is without batching, and with a cache of scores. */
export const models = {
  mlp: modelOf('mlp'),
  trees: modelOf('trees'),
  trees_unbatched: modelOf('trees_unbatched'),
  trees_cached: modelOf('trees_cached', { cache: 'memory' }),
} as const;
export type ReferenceModel = keyof typeof models;

export default project({ name: 'serving_reference', sources: [...viewSources, orders, outcomes], views, models: Object.values(models) });

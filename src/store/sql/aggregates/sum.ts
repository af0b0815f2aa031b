import { sqlAggregate } from '../sql-aggregate.ts';

/** Exact until the one rounding to double precision at the end. */
export const sum = sqlAggregate({
  readsExact: true,
  parts: ({ exact, over }) => ({ total: { aggregate: over(`sum(${exact})`), merge: 'sum' } }),
  value: ({ total }) => `millrace.nearest_double(${total})`,
});

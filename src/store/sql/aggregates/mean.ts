import { sqlAggregate } from '../sql-aggregate.ts';

/** Exact until the one rounding of the quotient. */
export const mean = sqlAggregate({
  readsExact: true,
  parts: ({ exact, over }) => ({
    n: { aggregate: over(`count(${exact})`), merge: 'sum' },
    total: { aggregate: over(`sum(${exact})`), merge: 'sum' },
  }),
  value: ({ n, total }) => `millrace.nearest_quotient(${total}, ${n})`,
});

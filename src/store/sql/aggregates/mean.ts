import { sqlAggregate } from '../sql-aggregate.ts';

/** Exact until the one rounding of the quotient. */
export const mean = sqlAggregate({
  readsExact: true,
  parts: ({ exact, counted, summed }) => ({
    n: { aggregate: counted(exact), merge: 'sum' },
    total: { aggregate: summed(exact), merge: 'sum' },
  }),
  value: ({ n, total }) => `millrace.nearest_quotient(${total}, ${n})`,
});

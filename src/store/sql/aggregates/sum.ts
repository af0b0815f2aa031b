import { sqlAggregate } from '../sql-aggregate.ts';

/** Exact until the one rounding to double precision at the end. */
export const sum = sqlAggregate({
  readsExact: true,
  parts: ({ exact, counted, summed }) => ({
    n: { aggregate: counted(exact), merge: 'sum' },
    total: { aggregate: summed(exact), merge: 'sum' },
  }),
  // Where all rows were taken back, what is left of them is nothing and not 0.
  value: ({ n, total }) => `CASE WHEN ${n} <> 0 THEN millrace.nearest_double(${total}) END`,
});

import type { SqlAggregate } from '../sql-aggregate.ts';

/** Exact until the one rounding to double precision at the end. */
export const sum: SqlAggregate = {
  readsExact: true,
  expression: ({ exact, filter }) => `millrace.nearest_double(sum(${exact}) FILTER (WHERE ${filter}))`,
};

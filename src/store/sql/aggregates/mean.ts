import type { SqlAggregate } from '../sql-aggregate.ts';

export const mean: SqlAggregate = {
  readsExact: true,
  expression: ({ exact, filter }) =>
    `millrace.nearest_double(sum(${exact}) FILTER (WHERE ${filter})) / nullif(count(${exact}) FILTER (WHERE ${filter}), 0)`,
};

import type { SqlAggregate } from '../sql-aggregate.ts';

export const count: SqlAggregate = {
  readsExact: false,
  expression: ({ filter }) => `count(*) FILTER (WHERE ${filter})::float8`,
};

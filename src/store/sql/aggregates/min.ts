import type { SqlAggregate } from '../sql-aggregate.ts';

export const min: SqlAggregate = {
  readsExact: false,
  expression: ({ value, filter }) => `min(${value}) FILTER (WHERE ${filter})`,
};

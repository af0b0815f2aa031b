import type { SqlAggregate } from '../sql-aggregate.ts';

export const max: SqlAggregate = {
  readsExact: false,
  expression: ({ value, filter }) => `max(${value}) FILTER (WHERE ${filter})`,
};

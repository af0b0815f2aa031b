import { countOf } from '../signed-sums.ts';
import type { SqlAggregate } from '../sql-aggregate.ts';

export const count: SqlAggregate = {
  readsExact: false,
  expression: (input) => `${countOf(input)}::float8`,
};

import { countOfValues, sumOf } from '../signed-sums.ts';
import type { SqlAggregate } from '../sql-aggregate.ts';

export const mean: SqlAggregate = {
  readsExact: true,
  expression: (input) =>
    `millrace.nearest_double(${sumOf(input, input.exact)}) / nullif(${countOfValues(input, input.exact)}, 0)`,
};

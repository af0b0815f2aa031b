import { countOfValues, sumOf } from '../signed-sums.ts';
import type { SqlAggregate } from '../sql-aggregate.ts';

/** Exact until the one rounding to double precision at the end. */
export const sum: SqlAggregate = {
  readsExact: true,
  expression(input) {
    const sum = `millrace.nearest_double(${sumOf(input, input.exact)})`;
    if (input.sign === null) return sum;
    return `CASE WHEN ${countOfValues(input, input.exact)} = 0 THEN NULL ELSE ${sum} END`;
  },
};

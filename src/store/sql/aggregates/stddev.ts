import { countOfValues, sumOf } from '../signed-sums.ts';
import type { SqlAggregate } from '../sql-aggregate.ts';

/** docs/features.md: a variance of at most this share of the mean square is 0. */
const VARIANCE_SHARE_MIN = '1e-20';

/** Of the whole group: sqrt(n * sum of squares - square of the sum) / n, exact up to the root. */
export const stddev: SqlAggregate = {
  readsExact: true,
  expression(input) {
    const { exact } = input;
    const n = countOfValues(input, exact);
    const squares = `${n} * ${sumOf(input, `${exact} * ${exact}`)}`;
    const spread = `${squares} - ${sumOf(input, exact)} * ${sumOf(input, exact)}`;
    return `CASE WHEN ${n} = 0 THEN NULL WHEN ${spread} <= ${VARIANCE_SHARE_MIN} * ${squares} THEN 0 ELSE sqrt(millrace.nearest_double(${spread})) / ${n} END`;
  },
};

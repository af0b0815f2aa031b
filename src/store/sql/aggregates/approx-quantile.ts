import { numberLiteral } from '../literals.ts';
import { sqlAggregate } from '../sql-aggregate.ts';

/** The value of that rank, which the fold estimates within 1 % of itself. */
export const approxQuantile = sqlAggregate({
  estimates: true,
  parts: ({ value, listed }) => ({
    values: { aggregate: listed(value, 'added'), merge: 'millrace.concat' },
    gone: { aggregate: listed(value, 'taken back'), merge: 'millrace.concat' },
  }),
  value: ({ values, gone }, { q }) =>
    `millrace.quantile_of(millrace.less(${values}, ${gone}), ${numberLiteral(q ?? 0)})`,
});

import { numberLiteral } from '../literals.ts';
import { sqlAggregate } from '../sql-aggregate.ts';

/** The value of that rank, which the fold estimates within 1 % of itself. */
export const approxQuantile = sqlAggregate({
  estimates: true,
  parts: ({ value, over }) => ({
    values: { aggregate: over(`array_agg(${value})`, `${value} IS NOT NULL`), merge: 'millrace.concat' },
  }),
  value: ({ values }, { q }) => `millrace.quantile_of(${values}, ${numberLiteral(q ?? 0)})`,
});

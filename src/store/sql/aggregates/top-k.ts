import { integerLiteral } from '../literals.ts';
import { sqlAggregate } from '../sql-aggregate.ts';

/** How often the value of that rank comes, which the fold has exactly while a window has few different ones. */
export const topK = sqlAggregate({
  estimates: true,
  parts: ({ column, listed }) => ({
    values: { aggregate: listed(column, 'added'), merge: 'millrace.concat' },
  }),
  value: ({ values }, { rank }) => `millrace.nth_most_frequent(${values}, ${integerLiteral(rank ?? 1)})`,
});

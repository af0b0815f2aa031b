import { sqlAggregate } from '../sql-aggregate.ts';

/** The exact number, which the fold estimates once there are more than 64. */
export const approxDistinct = sqlAggregate({
  estimates: true,
  parts: ({ column, over }) => ({
    values: {
      aggregate: over(`array_agg(DISTINCT ${column})`, `${column} IS NOT NULL`),
      merge: 'millrace.concat',
    },
  }),
  value: ({ values }) => `millrace.distinct_of(${values})`,
});

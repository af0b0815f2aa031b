import { sqlAggregate } from '../sql-aggregate.ts';

export const count = sqlAggregate({
  parts: ({ over }) => ({ n: { aggregate: over('count(*)'), merge: 'sum' } }),
  value: ({ n }) => `coalesce(${n}, 0)::float8`,
});

import { sqlAggregate } from '../sql-aggregate.ts';

export const count = sqlAggregate({
  parts: ({ counted }) => ({ n: { aggregate: counted(), merge: 'sum' } }),
  value: ({ n }) => `coalesce(${n}, 0)::float8`,
});

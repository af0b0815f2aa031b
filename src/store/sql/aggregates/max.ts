import { sqlAggregate } from '../sql-aggregate.ts';

export const max = sqlAggregate({
  parts: ({ value, over }) => ({ greatest: { aggregate: over(`max(${value})`), merge: 'max' } }),
  value: ({ greatest }) => greatest,
});

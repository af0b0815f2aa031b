import { sqlAggregate } from '../sql-aggregate.ts';

export const min = sqlAggregate({
  parts: ({ value, over }) => ({ least: { aggregate: over(`min(${value})`), merge: 'min' } }),
  value: ({ least }) => least,
});

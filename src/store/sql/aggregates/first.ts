import { sqlAggregate } from '../sql-aggregate.ts';

/** Arrays compare element by element: event time, then known time, then the smaller value. */
export const first = sqlAggregate({
  parts: ({ value, effectiveMs, knownMs, over }) => {
    const call = `min(ARRAY[${effectiveMs}, ${knownMs}, ${value}]::float8[])`;
    return { oldest: { aggregate: over(call, `${value} IS NOT NULL`), merge: 'min' } };
  },
  value: ({ oldest }) => `(${oldest})[3]`,
});

import { sqlAggregate } from '../sql-aggregate.ts';

/** Arrays compare element by element: event time, then known time, then the greater value. */
export const last = sqlAggregate({
  parts: ({ value, effectiveMs, knownMs, over }) => {
    const call = `max(ARRAY[${effectiveMs}, ${knownMs}, ${value}]::float8[])`;
    return { newest: { aggregate: over(call, `${value} IS NOT NULL`), merge: 'max' } };
  },
  value: ({ newest }) => `(${newest})[3]`,
});

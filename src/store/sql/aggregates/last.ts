import type { SqlAggregate } from '../sql-aggregate.ts';

/** Arrays compare element by element: event time, then known time, then the greater value. */
export const last: SqlAggregate = {
  readsExact: false,
  expression: ({ value, filter, effectiveMs, knownMs }) =>
    `(max(ARRAY[${effectiveMs}, ${knownMs}, ${value}]::float8[]) FILTER (WHERE ${filter} AND ${value} IS NOT NULL))[3]`,
};

import { sqlAggregate } from '../sql-aggregate.ts';

/** Seconds; an event that is newer than the moment of the read is 0 seconds old. */
export const timeSinceLast = sqlAggregate({
  parts: ({ effectiveMs, over }) => ({ newest: { aggregate: over(`max(${effectiveMs})`), merge: 'max' } }),
  value: ({ newest }, _aggregation, asOfMs) =>
    `CASE WHEN ${newest} IS NOT NULL THEN greatest(0, ${asOfMs} - ${newest})::float8 / 1000 END`,
});

import type { SqlAggregate } from '../sql-aggregate.ts';

/** Seconds; an event that is newer than the moment of the read is 0 seconds old. */
export const timeSinceLast: SqlAggregate = {
  readsExact: false,
  expression({ filter, asOfMs, effectiveMs }) {
    const newest = `max(${effectiveMs}) FILTER (WHERE ${filter})`;
    return `CASE WHEN ${newest} IS NULL THEN NULL ELSE greatest(0, ${asOfMs} - ${newest})::float8 / 1000 END`;
  },
};

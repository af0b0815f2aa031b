import { assertInvariant } from '../../../core/assert-invariant.ts';
import { parseDuration } from '../../../core/duration.ts';
import type { Aggregation } from '../../../define/aggregation.ts';
import { integerLiteral } from '../literals.ts';
import { sqlAggregate, type SqlAggregateInput, type SqlPart } from '../sql-aggregate.ts';

type Listed = Readonly<Record<'times' | 'amounts', SqlPart>>;

/** Weights depend on the moment of the read, so the events are listed: when each was, and what it adds. */
const list = (amount: string, { effectiveMs, over }: SqlAggregateInput, test?: string): Listed => ({
  times: { aggregate: over(`array_agg(${effectiveMs})`, test), merge: 'millrace.concat' },
  amounts: { aggregate: over(`array_agg(${amount})`, test), merge: 'millrace.concat' },
});

const listValues = (input: SqlAggregateInput): Listed =>
  list(input.value, input, `${input.value} IS NOT NULL`);

function halfLifeMs({ halfLife }: Aggregation): string {
  const ms = halfLife === undefined ? undefined : parseDuration(halfLife);
  assertInvariant(ms !== undefined, "a half-life passed the project's checks");
  return `${integerLiteral(ms)}::bigint`;
}

export const decayedCount = sqlAggregate({
  parts: (input) => list('1::float8', input),
  value: ({ times, amounts }, aggregation, asOfMs) =>
    `coalesce(millrace.decayed_sum(${times}, ${amounts}, ${asOfMs}, ${halfLifeMs(aggregation)}), 0)`,
});

export const decayedSum = sqlAggregate({
  parts: listValues,
  value: ({ times, amounts }, aggregation, asOfMs) =>
    `millrace.decayed_sum(${times}, ${amounts}, ${asOfMs}, ${halfLifeMs(aggregation)})`,
});

export const decayedMean = sqlAggregate({
  parts: listValues,
  value: ({ times, amounts }, aggregation) =>
    `millrace.decayed_mean(${times}, ${amounts}, ${halfLifeMs(aggregation)})`,
});

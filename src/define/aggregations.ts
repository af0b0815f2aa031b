import type { Duration } from '../core/duration.ts';
import type { Aggregation, AggregationGroup, AggregationKind } from './aggregation.ts';
import type { Condition } from './condition.ts';
import type { RankNames } from './feature-names.ts';
import type { FieldNames, Schema } from './field.ts';

/** Most values that a lastN keeps. */
export const LAST_N_MAX = 16;
type LastNCount = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13 | 14 | 15 | 16;

interface WindowOptions<S extends Schema> {
  window: Duration;
  hop?: Duration;
  where?: Condition<S>;
}

/** Aggregations of one source: `field` can only be one of its fields that the aggregation takes. */
export interface Aggregations<S extends Schema> {
  /** Number of events. */
  count(options: WindowOptions<S>): Aggregation<S>;
  sum(field: FieldNames<S, 'number' | 'boolean'>, options: WindowOptions<S>): Aggregation<S>;
  mean(field: FieldNames<S, 'number' | 'boolean'>, options: WindowOptions<S>): Aggregation<S>;
  min(field: FieldNames<S, 'number' | 'timestamp'>, options: WindowOptions<S>): Aggregation<S>;
  max(field: FieldNames<S, 'number' | 'timestamp'>, options: WindowOptions<S>): Aggregation<S>;
  /** Population variance: the mean squared distance from the mean. */
  variance(field: FieldNames<S, 'number' | 'boolean'>, options: WindowOptions<S>): Aggregation<S>;
  /** Population standard deviation: the square root of the mean squared distance from the mean. */
  stddev(field: FieldNames<S, 'number' | 'boolean'>, options: WindowOptions<S>): Aggregation<S>;
  /** Population skewness: the mean cubed distance from the mean, in standard deviations. */
  skewness(field: FieldNames<S, 'number' | 'boolean'>, options: WindowOptions<S>): Aggregation<S>;
  /** Value of the event with the smallest event time; ties go to the earlier known time, then the smaller value. */
  first(field: FieldNames<S, 'number' | 'boolean' | 'timestamp'>, options: WindowOptions<S>): Aggregation<S>;
  /** Value of the event with the greatest event time; ties go to the later known time, then the greater value. */
  last(field: FieldNames<S, 'number' | 'boolean' | 'timestamp'>, options: WindowOptions<S>): Aggregation<S>;
  /** The n newest values, newest first, ties as in `last`: features `<name>_1` to `<name>_<n>`, null where there are fewer. */
  lastN<const N extends LastNCount>(
    field: FieldNames<S, 'number' | 'boolean' | 'timestamp'>,
    options: WindowOptions<S> & { n: N },
  ): AggregationGroup<S, RankNames<N>>;
  /** Seconds from the newest event time in the window to the moment of the read. */
  timeSinceLast(options: WindowOptions<S>): Aggregation<S>;
}

const withField =
  (kind: AggregationKind) =>
  (field: string, options: WindowOptions<Schema>): Aggregation => ({ kind, field, ...options });
const withoutField =
  (kind: AggregationKind) =>
  (options: WindowOptions<Schema>): Aggregation => ({ kind, field: null, ...options });

/** A part per rank; the checks refuse an n that is no whole number or too large, so it need not have its parts. */
function lastN(field: string, options: WindowOptions<Schema> & { n: number }): AggregationGroup {
  const { n } = options;
  const ranks = Number.isInteger(n) ? Math.min(Math.max(n, 0), LAST_N_MAX) : 0;
  const parts = Array.from({ length: ranks }, (_, i) => ({
    suffix: String(i + 1),
    aggregation: { kind: 'lastN', field, ...options, rank: i + 1 } as const,
  }));
  return { kind: 'group', by: { n }, parts };
}

export const aggregations = {
  count: withoutField('count'),
  sum: withField('sum'),
  mean: withField('mean'),
  min: withField('min'),
  max: withField('max'),
  variance: withField('variance'),
  stddev: withField('stddev'),
  skewness: withField('skewness'),
  first: withField('first'),
  last: withField('last'),
  lastN,
  timeSinceLast: withoutField('timeSinceLast'),
};

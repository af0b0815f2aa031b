import type { Duration } from '../core/duration.ts';
import type { Condition } from './condition.ts';
import type { FieldNames, Schema } from './field.ts';

export type AggregationKind =
  | 'count'
  | 'sum'
  | 'mean'
  | 'min'
  | 'max'
  | 'variance'
  | 'stddev'
  | 'skewness'
  | 'first'
  | 'last'
  | 'timeSinceLast';

/**
 * One aggregation over one sawtooth window. Nulls of the field are skipped; an empty count is 0 and
 * every other empty aggregation is null.
 */
export interface Aggregation<S extends Schema = Schema> {
  readonly kind: AggregationKind;
  /** Null where the aggregation reads no field (count, timeSinceLast). */
  readonly field: string | null;
  readonly window: Duration;
  /** Step of the window's tail; the ladder's value for the window where absent. */
  readonly hop?: Duration;
  readonly where?: Condition<S>;
}

interface WindowOptions<S extends Schema> {
  window: Duration;
  hop?: Duration;
  where?: Condition<S>;
}

/** Aggregations of one source: `field` can only be one of its numeric fields. */
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
  /** Seconds from the newest event time in the window to the moment of the read. */
  timeSinceLast(options: WindowOptions<S>): Aggregation<S>;
}

const withField =
  (kind: AggregationKind) =>
  (field: string, options: WindowOptions<Schema>): Aggregation => ({ kind, field, ...options });
const withoutField =
  (kind: AggregationKind) =>
  (options: WindowOptions<Schema>): Aggregation => ({ kind, field: null, ...options });

export const aggregations: Aggregations<Schema> = {
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
  timeSinceLast: withoutField('timeSinceLast'),
};

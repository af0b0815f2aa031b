import type { Duration } from '../core/duration.ts';
import type {
  Aggregation,
  AggregationGroup,
  AggregationKind,
  BucketBy,
  Combination,
  CombinationKind,
  Window,
} from './aggregation.ts';
import type { Condition } from './condition.ts';
import { safeName, type RankNames, type SafeName } from './feature-names.ts';
import type { FieldNames, Schema } from './field.ts';

/** Most values that a lastN keeps. */
export const LAST_N_MAX = 16;
/** Most values that a bucketBy lists. */
export const BUCKETS_MAX = 64;
type LastNCount = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13 | 14 | 15 | 16;

interface WindowOptions<S extends Schema> {
  window: Window;
  hop?: Duration;
  where?: Condition<S>;
}

type DecayOptions<S extends Schema> = WindowOptions<S> & { halfLife: Duration };

/** With `bucketBy`, a feature `<name>_<value>` for each listed value of a text field: a `where` for each. */
type Bucketed<S extends Schema, Value extends string> = WindowOptions<S> & {
  bucketBy: BucketBy<FieldNames<S, 'string'>, Value>;
};

/** An aggregation of a field, as one feature or one for each category of another field. */
interface Bucketable<S extends Schema, Field extends string> {
  (field: Field, options: WindowOptions<S> & { bucketBy?: never }): Aggregation<S>;
  <const Value extends string>(
    field: Field,
    options: Bucketed<S, Value>,
  ): AggregationGroup<S, SafeName<Value>>;
}

/** Aggregations of one source: `field` can only be one of its fields that the aggregation takes. */
export interface Aggregations<S extends Schema> {
  /** Number of events. */
  count(options: WindowOptions<S> & { bucketBy?: never }): Aggregation<S>;
  count<const Value extends string>(options: Bucketed<S, Value>): AggregationGroup<S, SafeName<Value>>;
  readonly sum: Bucketable<S, FieldNames<S, 'number' | 'boolean'>>;
  readonly mean: Bucketable<S, FieldNames<S, 'number' | 'boolean'>>;
  readonly min: Bucketable<S, FieldNames<S, 'number' | 'timestamp'>>;
  readonly max: Bucketable<S, FieldNames<S, 'number' | 'timestamp'>>;
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
  /** Number of events, each weighing 2^-(age / half-life). */
  decayedCount(options: DecayOptions<S>): Aggregation<S>;
  /** Sum of values, each times the weight of its event. */
  decayedSum(field: FieldNames<S, 'number' | 'boolean'>, options: DecayOptions<S>): Aggregation<S>;
  /** Mean of values by the weights of their events. */
  decayedMean(field: FieldNames<S, 'number' | 'boolean'>, options: DecayOptions<S>): Aggregation<S>;
  /** Seconds from the newest event time in the window to the moment of the read. */
  timeSinceLast(options: WindowOptions<S>): Aggregation<S>;
  /** How many different values: exact up to 64, beyond that with a standard error of 2.3 %. */
  approxDistinct(
    field: FieldNames<S, 'string' | 'number' | 'timestamp'>,
    options: WindowOptions<S>,
  ): Aggregation<S>;
  /** The value below which a share q of all values lies, within 1 % of itself; q is 0 to 1. */
  approxQuantile(field: FieldNames<S, 'number'>, options: WindowOptions<S> & { q: number }): Aggregation<S>;
  /** The first divided by the second; null where one is null or the second is 0. */
  ratio(numerator: Aggregation<S>, denominator: Aggregation<S>): Combination<S>;
  /** The first minus the second; null where one is null. */
  difference(minuend: Aggregation<S>, subtrahend: Aggregation<S>): Combination<S>;
}

const withField =
  (kind: AggregationKind) =>
  (field: string, options: WindowOptions<Schema>): Aggregation => ({ kind, field, ...options });
const withoutField =
  (kind: AggregationKind) =>
  (options: WindowOptions<Schema>): Aggregation => ({ kind, field: null, ...options });

const combined =
  (kind: CombinationKind) =>
  (first: Aggregation, second: Aggregation): Combination => ({ kind, parts: [first, second] });

type AnyOptions = WindowOptions<Schema> & { bucketBy?: BucketBy };

const bucketable =
  (kind: AggregationKind) =>
  (field: string | null, { bucketBy, ...options }: AnyOptions): Aggregation | AggregationGroup =>
    bucketBy === undefined ? { kind, field, ...options } : bucketed({ kind, field, ...options }, bucketBy);

/** A part per value; the checks refuse what is no list of texts. */
function bucketed(aggregation: Aggregation, { field, values }: BucketBy): AggregationGroup {
  const where = aggregation.where ?? null;
  const given: unknown = values;
  const texts = Array.isArray(given) ? values.slice(0, BUCKETS_MAX) : [];
  const parts = texts.map((value) => ({
    suffix: safeName(String(value)),
    aggregation: { ...aggregation, where: { ...where, [field]: value } },
  }));
  return { kind: 'group', by: { field, values, where }, parts };
}

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

const count = bucketable('count');

export const aggregations = {
  count: (options: AnyOptions) => count(null, options),
  sum: bucketable('sum'),
  mean: bucketable('mean'),
  min: bucketable('min'),
  max: bucketable('max'),
  variance: withField('variance'),
  stddev: withField('stddev'),
  skewness: withField('skewness'),
  first: withField('first'),
  last: withField('last'),
  lastN,
  decayedCount: withoutField('decayedCount'),
  decayedSum: withField('decayedSum'),
  decayedMean: withField('decayedMean'),
  timeSinceLast: withoutField('timeSinceLast'),
  approxDistinct: withField('approxDistinct'),
  approxQuantile: withField('approxQuantile'),
  ratio: combined('ratio'),
  difference: combined('difference'),
};

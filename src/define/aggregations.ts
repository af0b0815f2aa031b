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
import { safeName, type BinNames, type RankNames, type SafeName } from './feature-names.ts';
import type { FieldNames, Schema } from './field.ts';

/** Most values that a lastN keeps. */
export const LAST_N_MAX = 16;
/** Most values that a topK gives counts of. */
export const TOP_K_MAX = 16;
/** Suffix of a histogram's bin for the values that it does not list. */
export const OTHER_BIN = 'other';
/** Most values that a bucketBy lists, and most bins of a histogram beside that of all others. */
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

/** Counts by the values of a field: a feature for each bin. An event whose field is null is in none. */
interface Histogram<S extends Schema> {
  <const Value extends string>(
    field: FieldNames<S, 'string'>,
    options: WindowOptions<S> & { values: readonly Value[] },
  ): AggregationGroup<S, SafeName<Value> | typeof OTHER_BIN>;
  /** Features `<name>_below_10`, `<name>_10_to_100`, `<name>_from_100` for edges 10 and 100: each from its edge to below the next. */
  <const Edges extends readonly [number, ...number[]]>(
    field: FieldNames<S, 'number'>,
    options: WindowOptions<S> & { edges: Edges },
  ): AggregationGroup<S, BinNames<Edges>>;
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
  /**
   * How often the k most frequent values come, the most frequent first: features `<name>_1` to `<name>_<k>`, null where there are
   * fewer values. Exact while a window has at most 256 different values.
   */
  topK<const K extends LastNCount>(
    field: FieldNames<S, 'string'>,
    options: WindowOptions<S> & { k: K },
  ): AggregationGroup<S, RankNames<K>>;
  /** How many events each bin has: of listed texts, and `<name>_other` of all others; or of numbers between edges. */
  readonly histogram: Histogram<S>;
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

/** Of a definition that has no options where they are needed: the checks name them. */
const nothingGiven = {} as AnyOptions & { k: number };

const bucketable =
  (kind: AggregationKind) =>
  (field: string | null, { bucketBy, ...options }: AnyOptions = nothingGiven): Aggregation | AggregationGroup =>
    bucketBy ? bucketed({ kind, field, ...options }, bucketBy) : { kind, field, ...options };

/** A part per value; the checks refuse what is no list of texts. */
function bucketed(aggregation: Aggregation, { field, values }: BucketBy): AggregationGroup {
  const where = aggregation.where ?? null;
  const given: unknown = values;
  const texts = Array.isArray(given) ? values.slice(0, BUCKETS_MAX) : [];
  const parts = texts.map((value) => ({
    suffix: safeName(String(value)),
    aggregation: { ...aggregation, where: { ...where, [field]: value } },
  }));
  return { kind: 'group', by: { field, values, hasOther: false, where }, parts };
}

/** A part per rank; the checks refuse an n that is no whole number or too large, so it need not have its parts. */
function ranked(aggregation: Aggregation & { n: number }, ranksMax: number, option: 'n' | 'k'): AggregationGroup {
  const { n } = aggregation;
  const ranks = Number.isInteger(n) ? Math.min(Math.max(n, 0), ranksMax) : 0;
  const parts = Array.from({ length: ranks }, (_, i) => ({
    suffix: String(i + 1),
    aggregation: { ...aggregation, rank: i + 1 },
  }));
  return { kind: 'group', by: { n, option }, parts };
}

const lastN = (field: string, options: WindowOptions<Schema> & { n: number }): AggregationGroup =>
  ranked({ kind: 'lastN', field, ...options }, LAST_N_MAX, 'n');

const topK = (field: string, { k, ...options }: WindowOptions<Schema> & { k: number } = nothingGiven): AggregationGroup =>
  ranked({ kind: 'topK', field, ...options, n: k }, TOP_K_MAX, 'k');

type HistogramOptions = WindowOptions<Schema> & { values?: readonly string[]; edges?: readonly number[] };

/** A count per bin. */
function histogram(field: string, { values, edges, ...options }: HistogramOptions = nothingGiven): AggregationGroup {
  const count: Aggregation = { kind: 'count', field: null, ...options };
  if (edges !== undefined) return binned(count, field, edges);
  const { by, parts } = bucketed(count, { field, values: values ?? [] });
  const other = { ...count, where: { ...options.where, [field]: { notIn: values ?? [] } } };
  return {
    kind: 'group',
    by: { ...(by as BucketBy), hasOther: true, where: options.where ?? null },
    parts: [...parts, { suffix: OTHER_BIN, aggregation: other }],
  };
}

/** A part per bin; the checks refuse edges that are no ascending numbers. */
function binned(count: Aggregation, field: string, edges: readonly number[]): AggregationGroup {
  const given: unknown = edges;
  const bounds = Array.isArray(given) ? edges.slice(0, BUCKETS_MAX) : [];
  const part = (name: string, test: object) => ({
    suffix: safeName(name),
    aggregation: { ...count, where: { ...count.where, [field]: test } },
  });
  const parts = bounds.map((edge, i) => {
    const next = bounds[i + 1];
    return next === undefined
      ? part(`from_${edge}`, { gte: edge })
      : part(`${edge}_to_${next}`, { gte: edge, lt: next });
  });
  const first = bounds.slice(0, 1).map((edge) => part(`below_${edge}`, { lt: edge }));
  return { kind: 'group', by: { field, edges, where: count.where ?? null }, parts: [...first, ...parts] };
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
  topK,
  histogram,
  ratio: combined('ratio'),
  difference: combined('difference'),
};

import type { Aggregation } from '../../define/aggregation.ts';

/** What the partial results of a feature are made of: pieces of SQL. */
export interface SqlAggregateInput {
  /** The field as double precision, null where it is null; of a kind that reads no field, `NULL`. */
  readonly value: string;
  /** The field as numeric, without any rounding. */
  readonly exact: string;
  /** The field in its own type, -0 as 0. */
  readonly column: string;
  /** Effective event time and known time, bigint, ms since the epoch. */
  readonly effectiveMs: string;
  readonly knownMs: string;
  /** A call of an aggregate over the events that count, and that pass one more test. Where rows change, those taken back are among them. */
  readonly over: (call: string, test?: string) => string;
  /** How many events, or those of which an expression is not null; where rows change, those added less those taken back. */
  readonly counted: (expression?: string) => string;
  /** Sum of a numeric expression over the events; where rows change, each by its sign. */
  readonly summed: (expression: string) => string;
  /** A list of a field's values as `array_agg` makes it, of the rows that were added or of those that were taken back. */
  readonly listed: (expression: string, rows: 'added' | 'taken back') => string;
}

/** A partial result: an aggregate over events, and the aggregate that makes one of several. */
export interface SqlPart {
  readonly aggregate: string;
  readonly merge: 'sum' | 'min' | 'max' | 'millrace.concat';
}

/** One kind of aggregation as SQL over raw rows. It shares nothing with the fold: the two are held against each other. */
export interface SqlAggregate<Part extends string = string> {
  /** Whether the field's exact value is read: making it costs time for each event. */
  readonly readsExact: boolean;
  /** Whether the fold only estimates what SQL computes: within the error that docs/features.md states. */
  readonly estimates: boolean;
  parts(input: SqlAggregateInput, aggregation: Aggregation): Readonly<Record<Part, SqlPart>>;
  /**
   * An expression of type double precision; null where the feature is.
   * @param parts the merged partial results; of no events null, or 0 where they are counts
   * @param asOfMs moment of the read, bigint, ms since the epoch
   */
  value(parts: Readonly<Record<Part, string>>, aggregation: Aggregation, asOfMs: string): string;
}

/** A form whose parts and their names fit together. */
export const sqlAggregate = <const Part extends string>(
  form: Partial<Pick<SqlAggregate, 'readsExact' | 'estimates'>> & Pick<SqlAggregate<Part>, 'parts' | 'value'>,
): SqlAggregate => ({ readsExact: false, estimates: false, ...form });

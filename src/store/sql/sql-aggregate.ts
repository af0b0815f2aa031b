/** What the expression of a feature is made of: pieces of SQL. */
export interface SqlAggregateInput {
  /** The field as double precision, null where it is null; of a kind that reads no field, `NULL`. */
  readonly value: string;
  /** The field as numeric, without any rounding. */
  readonly exact: string;
  /** Whether an event lies in the window and passes the condition: what stands in FILTER (WHERE ...). */
  readonly filter: string;
  /** 1 of an added row and -1 of one that is taken back, int; null where events stay. What is summed or counted goes by it. */
  readonly sign: string | null;
  /** Moment of the read, effective event time and known time, bigint, ms since the epoch. */
  readonly asOfMs: string;
  readonly effectiveMs: string;
  readonly knownMs: string;
}

/** One kind of aggregation as SQL over raw rows. It shares nothing with the fold: the two are held against each other. */
export interface SqlAggregate {
  /** Whether the field's exact value is read: making it costs time for each event. */
  readonly readsExact: boolean;
  /** An aggregate expression of type double precision; null where the feature is. */
  expression(input: SqlAggregateInput): string;
}

/** One string column, dictionary-coded. */
export interface CategoryColumn {
  readonly name: string;
  /** Distinct values; a code is an index into it. */
  readonly dictionary: readonly string[];
  /** One code a row; -1 is null. */
  readonly codes: Int32Array;
}

/**
 * Rows of features read as of their decision times, with their labels. Rows are in order of
 * decision time.
 */
export interface TrainingSet {
  readonly model: string;
  /** Digest of the feature service that made the rows. */
  readonly serviceDigest: string;
  readonly numericNames: readonly string[];
  readonly rows: number;
  /** Row-major, `rows * numericNames.length`; null is NaN. Already cast to float32, as served. */
  readonly numbers: Float32Array;
  readonly categories: readonly CategoryColumn[];
  /** 0 or 1 for a binary task. */
  readonly labels: Float32Array;
  /** Milliseconds since the epoch. */
  readonly decisionTimes: Float64Array;
  readonly labelKnownTimes: Float64Array;
  readonly exampleIds: readonly string[];
}

import type { CategoryEncoder } from '../contracts/model-bundle.ts';
import type { CategoryColumn, TrainingSet } from '../contracts/training-set.ts';

/** Rarer values of a category share the code of unknown values. */
export const VOCABULARY_COUNT_MIN = 20;
/** Most values that get a code of their own, the most frequent first. */
export const VOCABULARY_SIZE_MAX = 1_024;
/** Encoded numbers are cut off this many standard deviations from the mean. */
export const ENCODED_LIMIT = 8;
/** A column that varies less than this counts as constant and is encoded as 0. */
const DEVIATION_MIN = 1e-6;
/** Excess over a normal distribution's fourth moment from which a column counts as heavy-tailed. */
const KURTOSIS_HEAVY = 6;

/**
 * How one number becomes an input, in this order: null (NaN) becomes `impute`; where `squash` is above
 * zero, x becomes sign(x) ln(1 + |x| / squash); then `mean` is taken off, `scale` multiplied and the
 * result cut off at `ENCODED_LIMIT`. All are float32, as in the graph.
 */
export interface NumericEncoder {
  readonly name: string;
  /** Median of the values seen. */
  readonly impute: number;
  /** 0: not squashed. */
  readonly squash: number;
  readonly mean: number;
  /** Reciprocal of the standard deviation; 0 for a constant column. */
  readonly scale: number;
  /** The column had nulls: one more input says whether it is null. */
  readonly indicator: boolean;
}

export interface FeatureEncoding {
  readonly numbers: readonly NumericEncoder[];
  readonly categories: readonly CategoryEncoder[];
}

/** Learns the encoding from the given rows of a training set only. */
export function fitEncoding(set: TrainingSet, rows: Uint32Array): FeatureEncoding {
  const columns = set.numericNames.length;
  const values = new Float32Array(rows.length);
  return {
    numbers: set.numericNames.map((name, column) => {
      let count = 0;
      for (const row of rows) {
        const value = set.numbers[row * columns + column] as number;
        if (!Number.isNaN(value)) values[count++] = value;
      }
      return fitNumber(name, values.subarray(0, count), count < rows.length);
    }),
    categories: set.categories.map((column) => fitCategory(column, rows)),
  };
}

function fitNumber(name: string, values: Float32Array, indicator: boolean): NumericEncoder {
  if (values.length === 0) return { name, impute: 0, squash: 0, mean: 0, scale: 0, indicator };
  values.sort();
  const impute = values[values.length >> 1] as number;
  const plain = moments(values, 0);
  const heavy = plain.kurtosis > KURTOSIS_HEAVY;
  const squash = heavy ? Math.fround(interquartileRange(values) || Math.sqrt(plain.variance)) : 0;
  const { mean, variance } = heavy ? moments(values, squash) : plain;
  const deviation = Math.sqrt(variance);
  const constant = !(deviation > DEVIATION_MIN * Math.max(1, Math.abs(mean)));
  return { name, impute, squash, mean: Math.fround(mean), scale: constant ? 0 : Math.fround(1 / deviation), indicator };
}

function moments(values: Float32Array, squash: number): { mean: number; variance: number; kurtosis: number } {
  let sum = 0;
  for (const value of values) sum += signedLog(value, squash);
  const mean = sum / values.length;
  let second = 0;
  let fourth = 0;
  for (const value of values) {
    const square = (signedLog(value, squash) - mean) ** 2;
    second += square;
    fourth += square * square;
  }
  const variance = second / values.length;
  return { mean, variance, kurtosis: variance === 0 ? 0 : fourth / values.length / variance ** 2 - 3 };
}

const interquartileRange = (sorted: Float32Array): number =>
  (sorted[Math.floor(sorted.length * 0.75)] as number) - (sorted[Math.floor(sorted.length * 0.25)] as number);

function signedLog(value: number, squash: number): number {
  return squash === 0 ? value : Math.sign(value) * Math.log1p(Math.abs(value) / squash);
}

/** What the graph computes for one number, to float32 rounding. */
export function encodeNumber(encoder: NumericEncoder, value: number): number {
  const present = Number.isNaN(value) ? encoder.impute : value;
  const encoded = (signedLog(present, encoder.squash) - encoder.mean) * encoder.scale;
  return Math.min(ENCODED_LIMIT, Math.max(-ENCODED_LIMIT, encoded));
}

function fitCategory({ name, dictionary, codes }: CategoryColumn, rows: Uint32Array): CategoryEncoder {
  const counts = new Uint32Array(dictionary.length);
  for (const row of rows) {
    const code = codes[row] as number;
    if (code >= 0) counts[code]!++;
  }
  const frequent = dictionary
    .map((value, code) => ({ value, count: counts[code] as number }))
    .filter(({ count }) => count >= VOCABULARY_COUNT_MIN)
    .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1));
  return { name, vocabulary: frequent.slice(0, VOCABULARY_SIZE_MAX).map(({ value }) => value) };
}

import type { CategoryEncoder } from '../contracts/model-bundle.ts';
import type { CategoryColumn, TrainingSet } from '../contracts/training-set.ts';
import { quantileEdges, sortedFinite } from '../statistics/quantile-edges.ts';

/** Rarer values of a category share the code of unknown values. */
export const VOCABULARY_COUNT_MIN = 20;
/** Most values that get a code of their own, the most frequent first. */
export const VOCABULARY_SIZE_MAX = 1_024;
/** Pieces of a number's range, each holding about equally many of the values seen. */
export const NUMBER_PIECES_MAX = 8;
/** Quantiles are taken from at most this many rows, evenly spaced over the given ones. */
const QUANTILE_ROWS_MAX = 65_536;
/** Share of the values at each end that counts as one end point, so that an outlier stretches no piece. */
const TAIL_SHARE = 0.005;

/**
 * Piecewise linear encoding of one number (Gorishniy et al., On embeddings for numerical features in
 * tabular deep learning, 2022): the range is cut at quantiles, and each piece makes one input that
 * rises from -1 to 1 over the piece. So scale and tails of a column do not matter, a bend in its effect
 * costs one weight, and a value outside the range seen counts as its end. A null makes all of them 0,
 * the middle, and its own missing indicator 1.
 */
export interface NumericEncoder {
  readonly name: string;
  /** Ends of the pieces, float32, ascending, apart enough for a slope; none or one for a column that does not vary. */
  readonly edges: readonly number[];
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
  const step = Math.max(1, Math.ceil(rows.length / QUANTILE_ROWS_MAX));
  const sample = new Float32Array(Math.ceil(rows.length / step));
  return {
    numbers: set.numericNames.map((name, column) => {
      for (let i = 0; i < sample.length; i++) {
        sample[i] = set.numbers[(rows[i * step] as number) * columns + column] as number;
      }
      const indicator = rows.some((row) => Number.isNaN(set.numbers[row * columns + column]));
      return { name, edges: pieceEdges(sample), indicator };
    }),
    categories: set.categories.map((column) => fitCategory(column, rows)),
  };
}

function pieceEdges(values: Float32Array): number[] {
  const sorted = sortedFinite(values);
  if (sorted.length === 0) return [];
  const tail = Math.floor(sorted.length * TAIL_SHARE);
  const low = sorted[tail] as number;
  const high = sorted[sorted.length - 1 - tail] as number;
  const inner = quantileEdges(sorted, NUMBER_PIECES_MAX).filter((edge) => edge > low && edge < high);
  const edges: number[] = [];
  for (const edge of [low, ...inner, high]) {
    const last = edges.at(-1);
    // An infinity may be a value, not an end: a piece must have a width, and one whose slope the graph can hold.
    if (Number.isFinite(edge) && (last === undefined || Number.isFinite(slopeOf(last, edge)))) edges.push(edge);
  }
  return edges;
}

/** 2 / width as float32, which is infinite below a width of some 6e-39: the graph would multiply 0 by it. */
const slopeOf = (lower: number, upper: number): number => Math.fround(2 / (upper - lower));

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

/** The pieces of all columns one after the other, as vectors: what the graph holds as constants. */
export interface NumberPieces {
  /** Numeric column that the piece belongs to. */
  readonly column: Int32Array;
  /** Position of each column's first piece, and last the number of pieces. */
  readonly starts: Int32Array;
  readonly lower: Float32Array;
  /** 2 / width. */
  readonly slope: Float32Array;
  /** Numeric columns that have a missing indicator. */
  readonly indicators: Int32Array;
}

export function numberPieces(encoding: FeatureEncoding): NumberPieces {
  const pieces = encoding.numbers.flatMap(({ edges }, column) =>
    edges
      .slice(1)
      .map((upper, i) => ({ column, lower: edges[i] as number, slope: slopeOf(edges[i] as number, upper) })),
  );
  const starts = new Int32Array(encoding.numbers.length + 1);
  encoding.numbers.forEach(({ edges }, i) => {
    starts[i + 1] = (starts[i] as number) + Math.max(0, edges.length - 1);
  });
  return {
    starts,
    column: Int32Array.from(pieces, ({ column }) => column),
    lower: Float32Array.from(pieces, ({ lower }) => lower),
    slope: Float32Array.from(pieces, ({ slope }) => slope),
    indicators: Int32Array.from(
      encoding.numbers.flatMap(({ indicator }, column) => (indicator ? [column] : [])),
    ),
  };
}

/** Inputs that the numbers make: a piece each, then an indicator each. */
export function numberWidth(encoding: FeatureEncoding): number {
  const { column, indicators } = numberPieces(encoding);
  return column.length + indicators.length;
}

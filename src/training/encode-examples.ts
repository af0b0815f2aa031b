import { encodeCategory, NULL_CODE } from '../contracts/encode-categories.ts';
import type { CategoryEncoder } from '../contracts/model-bundle.ts';
import type { CategoryColumn, TrainingSet } from '../contracts/training-set.ts';
import { assertInvariant } from '../core/assert-invariant.ts';
import { numberPieces, type FeatureEncoding, type NumberPieces } from './feature-encoding.ts';

/** The examples of a set beside what encodes them; numbers are encoded as rows are drawn. */
export interface EncodedExamples {
  readonly set: TrainingSet;
  readonly pieces: NumberPieces;
  /** One code a row of the set, for each category. */
  readonly codes: readonly Int32Array[];
}

export function encodeExamples(set: TrainingSet, encoding: FeatureEncoding): EncodedExamples {
  const codes = encoding.categories.map((encoder) => {
    const column = categoryColumn(set, encoder.name);
    const table = codeTable(encoder, column);
    return Int32Array.from(column.codes, (code) => table[code + 1] as number);
  });
  return { set, pieces: numberPieces(encoding), codes };
}

/** Writes a row's encoded numbers and indicators from position `at`; returns the position after them. */
export function writeNumbers(
  { set, pieces }: EncodedExamples,
  row: number,
  out: Float32Array,
  at: number,
): number {
  const { starts, lower, slope, indicators } = pieces;
  const columns = set.numericNames.length;
  const from = row * columns;
  let i = 0;
  for (let column = 0; column < columns; column++) {
    const value = set.numbers[from + column] as number;
    const end = starts[column + 1] as number;
    // The pieces ascend: full ones, at most one in between, then empty ones.
    while (i + 1 < end && value >= (lower[i + 1] as number)) out[at + i++] = 1;
    if (i < end) {
      const encoded = (value - (lower[i] as number)) * (slope[i] as number) - 1;
      out[at + i++] = encoded >= 1 ? 1 : encoded > -1 ? encoded : -1;
    }
    while (i < end) out[at + i++] = -1;
    if (Number.isNaN(value)) out.fill(0, at + (starts[column] as number), at + end);
  }
  const after = at + i;
  for (let k = 0; k < indicators.length; k++) {
    out[after + k] = Number.isNaN(set.numbers[from + (indicators[k] as number)]) ? 1 : 0;
  }
  return after + indicators.length;
}

/**
 * Rows as the exported model takes them (see ModelSignature), or null where the set lacks one of the
 * columns, as when a champion was trained for another feature service.
 */
export function modelInput(
  set: TrainingSet,
  signature: { readonly numericNames: readonly string[]; readonly categories: readonly CategoryEncoder[] },
  rows: Uint32Array,
): Float32Array | null {
  const sources = signature.numericNames.map((name) => set.numericNames.indexOf(name));
  const known = signature.categories.every(({ name }) =>
    set.categories.some((column) => column.name === name),
  );
  if (sources.includes(-1) || !known) return null;
  const width = sources.length + signature.categories.length;
  const input = new Float32Array(rows.length * width);
  rows.forEach((row, i) => {
    for (let column = 0; column < sources.length; column++) {
      input[i * width + column] = set.numbers[
        row * set.numericNames.length + (sources[column] as number)
      ] as number;
    }
  });
  signature.categories.forEach((encoder, c) => {
    const column = categoryColumn(set, encoder.name);
    const table = codeTable(encoder, column);
    rows.forEach((row, i) => {
      input[i * width + sources.length + c] = table[(column.codes[row] as number) + 1] as number;
    });
  });
  return input;
}

export function categoryColumn(set: TrainingSet, name: string): CategoryColumn {
  const column = set.categories.find((candidate) => candidate.name === name);
  assertInvariant(column, `the training set has the category '${name}'`);
  return column;
}

/** Dictionary code plus one -> code of the encoder: null, -1 in the set, is at 0. */
function codeTable(encoder: CategoryEncoder, column: CategoryColumn): Int32Array {
  const table = new Int32Array(column.dictionary.length + 1).fill(NULL_CODE);
  column.dictionary.forEach((value, code) => {
    table[code + 1] = encodeCategory(encoder, value);
  });
  return table;
}

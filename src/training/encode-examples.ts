import { encodeCategory, NULL_CODE } from '../contracts/encode-categories.ts';
import type { CategoryEncoder } from '../contracts/model-bundle.ts';
import type { CategoryColumn, TrainingSet } from '../contracts/training-set.ts';
import { assertInvariant } from '../core/assert-invariant.ts';
import { encodeNumber, type FeatureEncoding } from './feature-encoding.ts';

/** Rows as a network takes them. */
export interface EncodedExamples {
  readonly rows: number;
  /** Width of `numbers`: the numeric columns, then the missing indicators. */
  readonly width: number;
  /** Row-major. */
  readonly numbers: Float32Array;
  /** One array of codes for each category. */
  readonly codes: readonly Int32Array[];
  readonly labels: Float32Array;
}

/** Encodes the given rows of a set, in the given order. */
export function encodeExamples(set: TrainingSet, encoding: FeatureEncoding, rows: Uint32Array): EncodedExamples {
  const columns = set.numericNames.length;
  const indicators = indicatorColumns(encoding);
  const width = columns + indicators.length;
  const numbers = new Float32Array(rows.length * width);
  const labels = new Float32Array(rows.length);
  let at = 0;
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number;
    const from = row * columns;
    for (let column = 0; column < columns; column++) {
      const encoder = encoding.numbers[column] as FeatureEncoding['numbers'][number];
      numbers[at++] = encodeNumber(encoder, set.numbers[from + column] as number);
    }
    for (const column of indicators) numbers[at++] = Number.isNaN(set.numbers[from + column]) ? 1 : 0;
    labels[i] = set.labels[row] as number;
  }
  const codes = encoding.categories.map((encoder) => {
    const column = categoryColumn(set, encoder.name);
    const table = codeTable(encoder, column);
    return Int32Array.from(rows, (row) => table[(column.codes[row] as number) + 1] as number);
  });
  return { rows: rows.length, width, numbers, codes, labels };
}

/** Numeric columns that have a missing indicator, in order. */
export function indicatorColumns(encoding: FeatureEncoding): number[] {
  return encoding.numbers.flatMap((encoder, column) => (encoder.indicator ? [column] : []));
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
  const known = signature.categories.every(({ name }) => set.categories.some((column) => column.name === name));
  if (sources.includes(-1) || !known) return null;
  const width = sources.length + signature.categories.length;
  const input = new Float32Array(rows.length * width);
  rows.forEach((row, i) => {
    for (let column = 0; column < sources.length; column++) {
      input[i * width + column] = set.numbers[row * set.numericNames.length + (sources[column] as number)] as number;
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

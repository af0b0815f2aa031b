import { NULL_CODE, UNKNOWN_CODE } from '../contracts/encode-categories.ts';
import type { GoldenBatch, ModelSignature } from '../contracts/model-bundle.ts';
import { EXPORT_DIFFERENCE_MAX } from './check-export.ts';

/** Rows that are taken from the data; two made ones follow. */
const GOLDEN_ROWS = 62;

/**
 * Model inputs spread over the given ones, then a row in which everything is null and one in which
 * every category is unknown: what a loaded model must answer with the same scores.
 */
export function goldenFeatures(
  input: Float32Array,
  signature: Pick<ModelSignature, 'numericNames' | 'categories'>,
): Float32Array {
  const numbers = signature.numericNames.length;
  const columns = numbers + signature.categories.length;
  const rows = input.length / columns;
  const taken = Math.min(GOLDEN_ROWS, rows);
  const features = new Float32Array((taken + 2) * columns);
  for (let i = 0; i < taken; i++) {
    const row = Math.floor((i * rows) / taken);
    features.set(input.subarray(row * columns, (row + 1) * columns), i * columns);
  }
  const allNull = features.subarray(taken * columns, (taken + 1) * columns);
  allNull.fill(NaN, 0, numbers).fill(NULL_CODE, numbers);
  const allUnknown = features.subarray((taken + 1) * columns);
  allUnknown.set(input.subarray(0, columns));
  allUnknown.fill(UNKNOWN_CODE, numbers);
  return features;
}

export function createGoldenBatch(features: Float32Array, scores: Float32Array): GoldenBatch {
  const bytes = new Uint8Array(features.length * 4);
  const view = new DataView(bytes.buffer);
  features.forEach((value, i) => {
    view.setFloat32(i * 4, value, true);
  });
  return {
    rows: scores.length,
    columns: features.length / scores.length,
    features: Buffer.from(bytes).toString('base64'),
    scores: [...scores],
    tolerance: EXPORT_DIFFERENCE_MAX,
  };
}

import type { GoldenBatch } from '../../src/contracts/model-bundle.ts';
import { MillraceError } from '../../src/core/millrace-error.ts';

type Run = (features: Float32Array, rows: number) => Promise<Float32Array>;

/**
 * Runs the rows that training recorded and compares the scores.
 * @returns the largest absolute difference
 * @throws SERVING_VERSION_REJECTED
 */
export async function checkGoldenBatch(
  golden: GoldenBatch,
  columns: number,
  batchRowsMax: number,
  run: Run,
): Promise<number> {
  const features = decodeFeatures(golden, columns);
  let largest = 0;
  for (let from = 0; from < golden.rows; from += batchRowsMax) {
    const rows = Math.min(batchRowsMax, golden.rows - from);
    const scores = await run(features.subarray(from * columns, (from + rows) * columns), rows);
    for (let i = 0; i < rows; i++) {
      const expected = golden.scores[from + i] ?? Number.NaN;
      const found = scores[i] ?? Number.NaN;
      const difference = Math.abs(expected - found);
      // Written so that NaN fails.
      if (!(difference <= golden.tolerance)) {
        throw reject(`row ${from + i} scored ${found}, training recorded ${expected} (tolerance ${golden.tolerance})`);
      }
      largest = Math.max(largest, difference);
    }
  }
  return largest;
}

function decodeFeatures(golden: GoldenBatch, columns: number): Float32Array {
  const bytes = Uint8Array.from(Buffer.from(golden.features, 'base64'));
  const values = golden.rows * columns;
  const wellFormed =
    golden.rows > 0 &&
    golden.columns === columns &&
    golden.scores.length === golden.rows &&
    bytes.length === values * Float32Array.BYTES_PER_ELEMENT;
  if (!wellFormed) {
    throw reject(
      `it has ${golden.rows} rows of ${golden.columns} values in ${bytes.length} bytes and ${golden.scores.length} scores, ` +
        `expected at least one row of ${columns} float32 and a score for each`,
    );
  }
  return new Float32Array(bytes.buffer, 0, values);
}

function reject(why: string): MillraceError {
  return new MillraceError('SERVING_VERSION_REJECTED', `The golden batch failed: ${why}. Train and register the version again.`);
}

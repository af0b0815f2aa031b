import { InferenceSession, Tensor } from 'onnxruntime-node';

/** Rows that are scored together; bounds the memory of a run. */
const SCORE_ROWS = 4_096;

/**
 * Scores of an exported model by ONNX Runtime on one CPU thread: what the export is checked with, and
 * how a champion is evaluated. Serving has its own sessions.
 * @param features row-major, `columns` a row
 */
export async function scoreOnnx(
  onnx: Uint8Array,
  features: Float32Array,
  columns: number,
): Promise<Float32Array> {
  const session = await InferenceSession.create(onnx, {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
  });
  try {
    const rows = features.length / columns;
    const scores = new Float32Array(rows);
    for (let from = 0; from < rows; from += SCORE_ROWS) {
      const count = Math.min(SCORE_ROWS, rows - from);
      const block = features.subarray(from * columns, (from + count) * columns);
      const { score } = await session.run({ features: new Tensor('float32', block, [count, columns]) });
      scores.set(score?.data as Float32Array, from);
    }
    return scores;
  } finally {
    await session.release();
  }
}

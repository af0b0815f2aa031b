import { InferenceSession, Tensor } from 'onnxruntime-node';
import { fillNulls, millraceTensors, scoresOf, type GraphTensors } from '../contracts/graph-tensors.ts';
import { MillraceError } from '../core/millrace-error.ts';

/** Rows that are scored together; bounds the memory of a run. */
export const SCORE_ROWS = 4_096;

/**
 * Scores of an exported model by ONNX Runtime on one CPU thread: what the export is checked with, and
 * how a champion is evaluated. Serving has its own sessions.
 * @param features row-major, `columns` a row
 * @param tensors of an imported graph
 * @throws MillraceError SERVING_SESSION_FAILED where the graph answers something else than a score a row
 */
export async function scoreOnnx(
  onnx: Uint8Array,
  features: Float32Array,
  columns: number,
  tensors: GraphTensors = millraceTensors,
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
      const block = fillNulls(features.subarray(from * columns, (from + count) * columns), tensors);
      const feeds = { [tensors.input]: new Tensor('float32', block, [count, columns]) };
      const output = (await session.run(feeds, [tensors.output]))[tensors.output];
      const found = scoresOf(output?.data, count, tensors);
      if (found === null) throw noScores(tensors.output, count, output?.dims);
      scores.set(found, from);
    }
    return scores;
  } finally {
    await session.release();
  }
}

export const noScores = (output: string, rows: number, dims: readonly number[] | undefined): MillraceError =>
  new MillraceError(
    'SERVING_SESSION_FAILED',
    `A batch of ${rows} rows was answered with '${output}' of shape [${dims?.join(', ') ?? ''}], expected a score for each row.`,
  );

import { fillNulls, millraceTensors, scoresOf, type GraphTensors } from '../contracts/graph-tensors.ts';
import { openPacked } from '../tensorflow/open-packed.ts';
import { noScores, SCORE_ROWS } from './score-onnx.ts';

/**
 * `scoreOnnx` for a packed TensorFlow.js model, on the backend that this process has already, or else on one that needs no native module.
 * @throws MillraceError SERVING_SESSION_FAILED where the model answers something else than a score a row
 */
export async function scoreTensorflow(
  bytes: Uint8Array,
  features: Float32Array,
  columns: number,
  tensors: GraphTensors = millraceTensors,
): Promise<Float32Array> {
  const model = await openPacked(bytes);
  try {
    const rows = features.length / columns;
    const scores = new Float32Array(rows);
    for (let from = 0; from < rows; from += SCORE_ROWS) {
      const count = Math.min(SCORE_ROWS, rows - from);
      const elements = fillNulls(features.subarray(from * columns, (from + count) * columns), tensors);
      const [answer] = await model.run([{ name: tensors.input, datatype: 'FP32', shape: [count, columns], elements }], [tensors.output]);
      const found = scoresOf(answer?.elements, count, tensors);
      if (found === null) throw noScores(tensors.output, count, answer?.shape);
      scores.set(found, from);
    }
    return scores;
  } finally {
    model.release();
  }
}

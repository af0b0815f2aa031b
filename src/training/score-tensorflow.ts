import type { GraphTensors } from '../contracts/graph-tensors.ts';
import { openPacked } from '../tensorflow/open-packed.ts';
import { scoreBlocks } from './score-blocks.ts';

/**
 * `scoreOnnx` for a packed TensorFlow.js model, on the backend that this process has already, or else on one that needs no native module.
 * @throws MillraceError SERVING_SESSION_FAILED where the model answers something else than a score a row
 * @throws MillraceError SERVING_SCORE_INVALID where a score is not finite
 */
export async function scoreTensorflow(bytes: Uint8Array, features: Float32Array, columns: number, tensors?: GraphTensors): Promise<Float32Array> {
  const model = await openPacked(bytes);
  try {
    return await scoreBlocks(features, columns, tensors, async (block, rows, { input, output }) => {
      const [answer] = await model.run([{ name: input, datatype: 'FP32', shape: [rows, columns], elements: block }], [output]);
      return answer && { data: answer.elements, shape: answer.shape };
    });
  } finally {
    model.release();
  }
}

import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { GraphTensors } from '../contracts/graph-tensors.ts';
import { scoreBlocks } from './score-blocks.ts';

/**
 * Scores of an exported model by ONNX Runtime on one CPU thread: what the export is checked with, and
 * how a champion is evaluated. Serving has its own sessions.
 * @param features row-major, `columns` a row
 * @param tensors of an imported graph
 * @throws MillraceError SERVING_SESSION_FAILED where the graph answers something else than a score a row
 * @throws MillraceError SERVING_SCORE_INVALID where a score is not finite
 */
export async function scoreOnnx(onnx: Uint8Array, features: Float32Array, columns: number, tensors?: GraphTensors): Promise<Float32Array> {
  const session = await InferenceSession.create(onnx, {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
  });
  try {
    return await scoreBlocks(features, columns, tensors, async (block, rows, { input, output }) => {
      const answer = (await session.run({ [input]: new Tensor('float32', block, [rows, columns]) }, [output]))[output];
      return answer && { data: answer.data, shape: answer.dims };
    });
  } finally {
    await session.release();
  }
}

import type { GraphTensors } from '../contracts/graph-tensors.ts';
import type { RuntimeRole, ModelGraph } from '../contracts/model-bundle.ts';
import { scoreOnnx } from './score-onnx.ts';
import { scoreTensorflow } from './score-tensorflow.ts';

type Score = (bytes: Uint8Array, features: Float32Array, columns: number, tensors?: GraphTensors) => Promise<Float32Array>;

const scorers: Readonly<Record<RuntimeRole, Score>> = { 'model.onnx': scoreOnnx, 'model.tfjs': scoreTensorflow };

/**
 * Scores of a version's graph, whichever runtime it is for, on one CPU thread.
 * @param features row-major, `columns` a row
 * @param tensors of an imported graph
 * @throws MillraceError SERVING_SESSION_FAILED where the graph answers something else than a score a row
 * @throws MillraceError SERVING_SCORE_INVALID where a score is not finite
 */
export const scoreGraph = ({ role, bytes }: ModelGraph, features: Float32Array, columns: number, tensors?: GraphTensors): Promise<Float32Array> =>
  scorers[role](bytes, features, columns, tensors);

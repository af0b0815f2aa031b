import type { RuntimeRole } from '../../src/contracts/model-bundle.ts';
import { openOnnxSession } from './open-onnx-session.ts';
import { openOnnxTensors } from './open-onnx-tensors.ts';
import { openTensorflowSession, openTensorflowTensors } from './open-tensorflow-session.ts';
import type { RowSession, SessionSource, TensorSession, TensorSource } from './session.ts';

const rowOpeners: Readonly<Record<RuntimeRole, (source: SessionSource) => Promise<RowSession>>> = {
  'model.onnx': openOnnxSession,
  'model.tfjs': openTensorflowSession,
};

const tensorOpeners: Readonly<Record<RuntimeRole, (source: TensorSource) => Promise<TensorSession>>> = {
  'model.onnx': openOnnxTensors,
  'model.tfjs': openTensorflowTensors,
};

/** Opens a model of rows by the runtime that its file is for. @throws SERVING_VERSION_REJECTED */
export const openSession = (source: SessionSource): Promise<RowSession> => rowOpeners[source.role](source);

/** Opens a model of tensors by the runtime that its file is for. @throws SERVING_VERSION_REJECTED */
export const openTensorSession = (source: TensorSource): Promise<TensorSession> => tensorOpeners[source.role](source);

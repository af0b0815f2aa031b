import { Tensor as OrtTensor, type InferenceSession } from 'onnxruntime-node';
import type { Tensor, TensorSpec } from '../../src/contracts/tensor.ts';
import { messageOf, MillraceError } from '../../src/core/millrace-error.ts';
import { datatypeOfOnnx, fromOnnx, toOnnx } from '../../src/registry/onnx-tensors.ts';
import { openVerified } from './open-verified.ts';
import { rejectSource } from './read-verified.ts';
import type { TensorSession, TensorSource } from './session.ts';

/** A session of ONNX Runtime over a graph's own tensors. @throws SERVING_VERSION_REJECTED */
export async function openOnnxTensors(source: TensorSource): Promise<TensorSession> {
  const { session, ...how } = await openVerified(source, (opened) => {
    assertSpecs(source, 'inputs', source.inputs, opened.inputMetadata);
    assertSpecs(source, 'outputs', source.outputs, opened.outputMetadata);
  });
  return {
    ...how,
    async run(inputs) {
      try {
        const feeds = Object.fromEntries(inputs.map((tensor) => [tensor.name, ortTensor(tensor)]));
        const answer = await session.run(feeds);
        return source.outputs.map(({ name }) => fromOnnx(name, answer[name] as OrtTensor));
      } catch (cause) {
        throw new MillraceError('SERVING_SESSION_FAILED', `A run failed: ${messageOf(cause)}`, { cause });
      }
    },
    release: () => session.release(),
  };
}

function ortTensor(tensor: Tensor): OrtTensor {
  const { type, data, dims } = toOnnx(tensor);
  // What ONNX Runtime declares has one overload for each type.
  return new OrtTensor(type as 'float32', data as Float32Array, dims);
}

function assertSpecs(
  source: TensorSource,
  what: string,
  specs: readonly TensorSpec[],
  metadata: readonly InferenceSession.ValueMetadata[],
): void {
  const expected = specs.map(({ name, datatype }) => `${name}: ${datatype}`).join(', ');
  const found = metadata.map((value) => `${value.name}: ${value.isTensor ? datatypeOfOnnx(value.type) : 'no tensor'}`).join(', ');
  if (found !== expected) throw rejectSource(source, `its ${what} are (${found}), expected (${expected})`);
}

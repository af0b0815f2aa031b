import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { messageOf } from '../../core/millrace-error.ts';
import { inspectOnnx } from '../../registry/inspect-onnx.ts';
import { fromOnnx, toOnnx } from '../../registry/onnx-tensors.ts';
import { importInvalid } from './import-problem.ts';
import { readOnnxHeader } from './onnx-header.ts';
import type { GraphHeader, OpenGraph } from './opened-graph.ts';
import type { ModelFile } from './read-model-file.ts';

/** Opens an ONNX file as serving does. @throws MillraceError MODEL_IMPORT_INVALID */
export async function openOnnxFile(model: string, { name, bytes }: ModelFile): Promise<OpenGraph> {
  const refused = (problem: string) => importInvalid(model, name, [problem]);
  let header: GraphHeader;
  let external: string | null;
  try {
    header = readOnnxHeader(bytes);
    external = inspectOnnx(bytes).externalTensor;
  } catch (error) {
    throw refused(`it is not an ONNX model (${messageOf(error)})`);
  }
  if (external !== null) throw refused(`tensor '${external}' keeps its values in another file: save the model as one file`);
  try {
    const session = await InferenceSession.create(bytes, {
      executionProviders: ['cpu'],
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      logSeverityLevel: 3,
    });
    return graphOf(header, session);
  } catch (error) {
    throw refused(`ONNX Runtime does not open it (${messageOf(error)})`);
  }
}

const graphOf = (header: GraphHeader, session: InferenceSession): OpenGraph => ({
  header,
  inputs: session.inputMetadata,
  outputs: session.outputMetadata,
  async run(inputs, outputs) {
    const feeds = inputs.map((tensor): [string, OrtTensor] => {
      const { type, data, dims } = toOnnx(tensor);
      // What ONNX Runtime declares has one overload for each type.
      return [tensor.name, new OrtTensor(type as 'float32', data as Float32Array, dims)];
    });
    const answer = await session.run(Object.fromEntries(feeds), [...outputs]);
    return outputs.map((name) => fromOnnx(name, answer[name] as OrtTensor));
  },
  release: () => session.release(),
});

import { messageOf } from '../../core/millrace-error.ts';
import type { Tensor } from '../../contracts/tensor.ts';
import { datatypeOfOnnx } from '../../registry/onnx-tensors.ts';
import { openPacked } from '../../tensorflow/open-packed.ts';
import { unpackModel } from '../../tensorflow/packed-model.ts';
import type { TensorflowValue } from '../../tensorflow/runnable.ts';
import type { TensorflowModel } from '../../tensorflow/tensorflow-model.ts';
import { importInvalid } from './import-problem.ts';
import type { GraphHeader, GraphValue, OpenGraph } from './opened-graph.ts';
import { probeTensors } from './probe-tensors.ts';
import type { ModelFile } from './read-model-file.ts';

/** Opens a packed TensorFlow.js model. @throws MillraceError MODEL_IMPORT_INVALID */
export async function openTensorflowFile(model: string, { name, bytes }: ModelFile): Promise<OpenGraph> {
  const refused = (problem: string) => importInvalid(model, name, [problem]);
  let opened: TensorflowModel;
  try {
    opened = await openPacked(bytes);
  } catch (error) {
    throw refused(`TensorFlow.js does not open it (${messageOf(error)})`);
  }
  try {
    const shapeless = opened.inputs.filter(({ shape }) => shape === null).map((input) => `'${input.name}'`);
    if (shapeless.length > 0) throw refused(`input ${shapeless.join(', ')} has no shape: convert the model with its signature`);
    return {
      header: headerOf(bytes),
      inputs: opened.inputs.map(graphValue),
      outputs: await outputsOf(opened),
      run: (inputs, outputs) => opened.run(inputs, outputs),
      release: () => released(opened),
    };
  } catch (error) {
    opened.release();
    throw error;
  }
}

function headerOf(bytes: Uint8Array): GraphHeader {
  const { format, generatedBy, convertedBy } = unpackModel(bytes);
  return { producerName: `TensorFlow.js ${format}`, producerVersion: [generatedBy, convertedBy].filter((by) => by !== null).join(', ') };
}

/** Graph models often don't say what shapes their outputs have: a run shows how many dimensions, and any of them may differ in the next one. */
async function outputsOf(opened: TensorflowModel): Promise<GraphValue[]> {
  const { inputs, outputs } = opened;
  if (outputs.every(({ shape }) => shape !== null)) return outputs.map(graphValue);
  const made = probeTensors(inputs.map(({ name, type, shape }) => ({ name, datatype: datatypeOfOnnx(type) ?? 'FP32', shape: shape ?? [] })), 1);
  const answers = await opened.run(made, outputs.map(({ name }) => name)).catch((): Tensor[] => []);
  return outputs.map((output, i) => graphValue({ ...output, shape: output.shape ?? answers[i]?.shape.map(() => -1) ?? [] }));
}

const graphValue = ({ name, type, shape }: TensorflowValue): GraphValue => ({ name, isTensor: true, type, shape: shape ?? [] });

function released(model: TensorflowModel): Promise<void> {
  model.release();
  return Promise.resolve();
}

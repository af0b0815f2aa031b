import type * as tfjs from '@tensorflow/tfjs';
import type { Tensor } from '../contracts/tensor.ts';
import { messageOf } from '../core/millrace-error.ts';
import type { PackedModel } from './packed-model.ts';
import { graphOf, layersOf, type Runnable, type TensorflowValue } from './runnable.ts';
import type { TensorFlow } from './tensorflow-backend.ts';
import { fromTensorflow, toTensorflow } from './tensorflow-tensors.ts';

/** A TensorFlow.js model that is open on the backend of its TensorFlow.js; `run` blocks the thread that it is called on. */
export interface TensorflowModel {
  readonly inputs: readonly TensorflowValue[];
  readonly outputs: readonly TensorflowValue[];
  /** @throws Error where the model does not take the inputs */
  run(inputs: readonly Tensor[], outputs: readonly string[]): Promise<Tensor[]>;
  release(): void;
}

/** What TensorFlow.js says of an operation that it, or its backend, does not have. */
const MISSING_OPERATION = /Kernel '.*' not registered for backend|Unknown op '|Custom op .* is not registered/;
/** What it says of a graph with loops or conditions. */
const DYNAMIC_OPERATION = /dynamic op/;

/**
 * Opens a model of either format and has it answer zeros once: a backend that lacks one of its operations shows it only then.
 * @throws Error where TensorFlow.js does not open it, or its backend does not have its operations
 */
export async function openTensorflowModel(tf: TensorFlow, packed: PackedModel): Promise<TensorflowModel> {
  const handler = { load: () => Promise.resolve(artifactsOf(packed)) };
  const runnable = packed.format === 'layers-model' ? layersOf(tf, await tf.loadLayersModel(handler)) : graphOf(await tf.loadGraphModel(handler));
  try {
    await tryZeros(tf, runnable);
  } catch (error) {
    runnable.release();
    throw error;
  }
  return {
    inputs: runnable.inputs,
    outputs: runnable.outputs,
    run: (inputs, outputs) => runTensors(tf, runnable, inputs, outputs),
    release: () => {
      runnable.release();
    },
  };
}

function artifactsOf({ format, modelTopology, weightSpecs, weights, signature }: PackedModel): tfjs.io.ModelArtifacts {
  const { buffer, byteOffset, byteLength } = weights;
  return {
    format,
    modelTopology: modelTopology as object,
    weightSpecs: weightSpecs as tfjs.io.WeightsManifestEntry[],
    weightData: buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer,
    ...(signature === null ? {} : { signature: signature }),
  };
}

async function runTensors(tf: TensorFlow, runnable: Runnable, inputs: readonly Tensor[], outputs: readonly string[]): Promise<Tensor[]> {
  const feeds = new Map(inputs.map((tensor) => [tensor.name, toTensorflow(tf, tensor)]));
  let answers: readonly tfjs.Tensor[] = [];
  try {
    answers = await runnable.run(feeds, outputs);
    return await Promise.all(outputs.map((name, i) => fromTensorflow(name, answers[i] as tfjs.Tensor)));
  } finally {
    tf.dispose([...feeds.values(), ...answers]);
  }
}

/** Zeros may be refused for what they are: only a missing operation counts. */
async function tryZeros(tf: TensorFlow, runnable: Runnable): Promise<void> {
  const outputs = runnable.outputs.map(({ name }) => name);
  for (let attempt = 0; ; attempt++) {
    const zeros = runnable.inputs.map(({ name, type, shape }) => [name, tf.zeros((shape ?? []).map((size) => Math.max(size, 1)), type as 'float32')] as const);
    try {
      tf.dispose([...(await runnable.run(new Map(zeros), outputs))]);
      return;
    } catch (error) {
      const message = messageOf(error);
      if (MISSING_OPERATION.test(message)) throw new Error(message.split('\n', 1)[0], { cause: error });
      if (attempt > 0 || !DYNAMIC_OPERATION.test(message)) return;
      runnable.hasDynamicOperations = true;
    } finally {
      tf.dispose(zeros.map(([, tensor]) => tensor));
    }
  }
}


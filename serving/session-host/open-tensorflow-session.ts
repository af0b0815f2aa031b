import { fillNulls, millraceTensors, scoresOf } from '../../src/contracts/graph-tensors.ts';
import type { Tensor, TensorSpec } from '../../src/contracts/tensor.ts';
import { messageOf, MillraceError } from '../../src/core/millrace-error.ts';
import { datatypeOfOnnx } from '../../src/registry/onnx-tensors.ts';
import { unpackModel, type PackedModel } from '../../src/tensorflow/packed-model.ts';
import type { TensorflowValue } from '../../src/tensorflow/runnable.ts';
import { loadTensorBackend } from '../../src/tensorflow/tensorflow-backend.ts';
import { openTensorflowModel, type TensorflowModel } from '../../src/tensorflow/tensorflow-model.ts';
import { readVerified, rejectSource } from './read-verified.ts';
import type { ModelSource, RowSession, RunsOn, SessionSource, TensorSession, TensorSource } from './session.ts';

interface OpenedModel extends RunsOn {
  readonly model: TensorflowModel;
}

/**
 * Opens a TensorFlow.js model of rows. A process has one backend at a time, so a second model in it would go to the first one's.
 * @throws SERVING_VERSION_REJECTED
 */
export async function openTensorflowSession(source: SessionSource): Promise<RowSession> {
  const { columns, tensors = millraceTensors } = source;
  const { model, ...runsOn } = await openModel(source);
  const [only, ...others] = model.inputs.map(({ name }) => name);
  if (only !== tensors.input || others.length > 0) throw rejectSource(source, `its inputs are (${listOf(model.inputs)}), expected (${tensors.input})`);
  if (!model.outputs.some(({ name }) => name === tensors.output)) {
    throw rejectSource(source, `its outputs are (${listOf(model.outputs)}), expected '${tensors.output}' among them`);
  }
  return {
    ...runsOn,
    async run(features, rows) {
      const input: Tensor = { name: tensors.input, datatype: 'FP32', shape: [rows, columns], elements: fillNulls(features, tensors) };
      const [answer] = await failing(`A batch of ${rows} rows`, model.run([input], [tensors.output]));
      const scores = scoresOf(answer?.elements, rows, tensors);
      if (scores !== null) return scores;
      throw new MillraceError(
        'SERVING_SESSION_FAILED',
        `A batch of ${rows} rows was answered with '${tensors.output}' of shape [${answer?.shape.join(', ') ?? ''}], expected a score each.`,
      );
    },
    release: () => released(model),
  };
}

/** Opens a TensorFlow.js model of tensors of its own. @throws SERVING_VERSION_REJECTED */
export async function openTensorflowTensors(source: TensorSource): Promise<TensorSession> {
  const { model, ...runsOn } = await openModel(source);
  assertSpecs(source, 'inputs', source.inputs, model.inputs);
  assertSpecs(source, 'outputs', source.outputs, model.outputs);
  const outputs = source.outputs.map(({ name }) => name);
  return {
    ...runsOn,
    run: (inputs) => failing('A run', model.run(inputs, outputs)),
    release: () => released(model),
  };
}

async function openModel(source: ModelSource): Promise<OpenedModel> {
  const bytes = await readVerified(source);
  let packed: PackedModel;
  try {
    packed = unpackModel(bytes);
  } catch (error) {
    throw rejectSource(source, messageOf(error));
  }
  const passedOver: string[] = [];
  for (const name of source.tensorflowBackends) {
    try {
      const { tf } = await loadTensorBackend({ addon: source.tensorflowAddon ?? null, names: [name] });
      return { model: await openTensorflowModel(tf, packed), provider: name, passedOver };
    } catch (error) {
      passedOver.push(`${name}: ${messageOf(error)}`);
    }
  }
  throw rejectSource(source, `TensorFlow.js opened it on none of its backends (${passedOver.join('; ')})`);
}

async function failing<T>(what: string, run: Promise<T>): Promise<T> {
  try {
    return await run;
  } catch (cause) {
    throw new MillraceError('SERVING_SESSION_FAILED', `${what} failed: ${messageOf(cause)}`, { cause });
  }
}

function assertSpecs(source: TensorSource, what: string, specs: readonly TensorSpec[], values: readonly TensorflowValue[]): void {
  const expected = specs.map(({ name, datatype }) => `${name}: ${datatype}`).join(', ');
  const found = listOf(values);
  if (found !== expected) throw rejectSource(source, `its ${what} are (${found}), expected (${expected})`);
}

const listOf = (values: readonly TensorflowValue[]): string => values.map(({ name, type }) => `${name}: ${datatypeOfOnnx(type) ?? type}`).join(', ');

function released(model: TensorflowModel): Promise<void> {
  model.release();
  return Promise.resolve();
}

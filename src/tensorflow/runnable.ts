import type * as tfjs from '@tensorflow/tfjs';
import type { TensorFlow } from './tensorflow-backend.ts';

/** A tensor that a model takes or answers. */
export interface TensorflowValue {
  readonly name: string;
  /** As TensorFlow.js names it. */
  readonly type: string;
  /** -1 is any size; null where the model does not say. */
  readonly shape: readonly number[] | null;
}

/** What both formats of a TensorFlow.js model come to. */
export interface Runnable {
  readonly inputs: readonly TensorflowValue[];
  readonly outputs: readonly TensorflowValue[];
  /** Its graph has loops or conditions, which TensorFlow.js runs in another way. */
  hasDynamicOperations: boolean;
  /** Tensors by name in, the named ones out; the caller disposes both. */
  run(feeds: ReadonlyMap<string, tfjs.Tensor>, outputs: readonly string[]): Promise<readonly tfjs.Tensor[]>;
  release(): void;
}

/** A layers model: its tensors are named for the layers that they belong to, since names of the tensors differ from load to load. */
export function layersOf(tf: TensorFlow, model: tfjs.LayersModel): Runnable {
  const inputs = model.inputs.map(valueOfLayer);
  const outputs = model.outputs.map(valueOfLayer);
  return {
    inputs,
    outputs,
    hasDynamicOperations: false,
    run(feeds, wanted) {
      const answers = tf.tidy(() => {
        const given = inputs.map(({ name }) => feeds.get(name) as tfjs.Tensor);
        const all = [model.predict(given)].flat();
        return wanted.map((name) => all[outputs.findIndex((output) => output.name === name)] as tfjs.Tensor);
      });
      return Promise.resolve(answers);
    },
    release: () => {
      model.dispose();
    },
  };
}

function valueOfLayer({ sourceLayer, tensorIndex, dtype, shape }: tfjs.SymbolicTensor): TensorflowValue {
  const name = tensorIndex === undefined || tensorIndex === 0 ? sourceLayer.name : `${sourceLayer.name}:${tensorIndex}`;
  return { name, type: dtype, shape: shape.map((size) => size ?? -1) };
}

/** A tensor of a signature, as a converter of TensorFlow's models writes it. */
interface SignedTensor {
  /** Of the node, with the number of its output. */
  readonly name: string;
  readonly tensorShape?: { readonly dim?: readonly { readonly size?: string | number }[]; readonly unknownRank?: boolean };
}

type Signature = Partial<Record<'inputs' | 'outputs', Readonly<Record<string, SignedTensor>>>>;

interface Named {
  readonly node: string;
  readonly value: TensorflowValue;
}

/** A graph model: its tensors have the names of its signature, where there is one, else those of its nodes. */
export function graphOf(model: tfjs.GraphModel): Runnable {
  const { inputs: signedInputs, outputs: signedOutputs } = (model.modelSignature as Signature | undefined) ?? {};
  const inputs = namesOf(model.inputs, signedInputs);
  const outputs = namesOf(model.outputs, signedOutputs);
  const nodeOf = new Map([...inputs, ...outputs].map(({ node, value }) => [value.name, node]));
  return {
    inputs: inputs.map(({ value }) => value),
    outputs: outputs.map(({ value }) => value),
    hasDynamicOperations: false,
    async run(feeds, wanted) {
      const given = Object.fromEntries(inputs.map(({ node, value }) => [node, feeds.get(value.name) as tfjs.Tensor]));
      const nodes = wanted.map((name) => nodeOf.get(name) as string);
      const answers = this.hasDynamicOperations ? await model.executeAsync(given, nodes) : model.execute(given, nodes);
      // An input that is answered as it came is the caller's already.
      return [answers].flat().map((tensor) => (Object.values(given).includes(tensor) ? tensor.clone() : tensor));
    },
    release: () => {
      model.dispose();
    },
  };
}

type NodeInfo = tfjs.GraphModel['inputs'][number];

function namesOf(nodes: readonly NodeInfo[], signed: Readonly<Record<string, SignedTensor>> | undefined): Named[] {
  const byNode = new Map(nodes.map((node) => [nodeName(node.name), node]));
  if (signed === undefined) {
    return nodes.map(({ name, dtype, shape }) => ({ node: name, value: { name, type: dtype, shape: shape === undefined ? null : shape.map((size) => size ?? -1) } }));
  }
  return Object.entries(signed).map(([name, tensor]) => {
    const found = byNode.get(nodeName(tensor.name));
    return { node: tensor.name, value: { name, type: found?.dtype ?? '', shape: shapeOf(tensor) ?? found?.shape ?? null } };
  });
}

function shapeOf({ tensorShape }: SignedTensor): readonly number[] | null {
  if (tensorShape === undefined || tensorShape.unknownRank === true) return null;
  return (tensorShape.dim ?? []).map(({ size }) => (Number(size ?? -1) >= 0 ? Number(size) : -1));
}

const nodeName = (name: string): string => name.split(':', 1)[0] as string;

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type * as tfjs from '@tensorflow/tfjs';
import { loadTensorBackend, type TensorFlow } from '../../../src/tensorflow/tensorflow-backend.ts';
import { packModel, type PackedModel } from '../../../src/tensorflow/packed-model.ts';

/** TensorFlow.js on the backend that every machine has. */
export const testTensorflow = async (): Promise<TensorFlow> => (await loadTensorBackend({ addon: null, names: ['cpu'] })).tf;

export interface DenseLayer {
  readonly name: string;
  /** [inputs][units] */
  readonly kernel: readonly (readonly number[])[];
  readonly bias: readonly number[];
  readonly activation: 'relu' | 'sigmoid' | 'linear';
}

/** A network of dense layers with given weights. */
export function denseNetwork(tf: TensorFlow, layers: readonly DenseLayer[], inputName = 'row'): tfjs.LayersModel {
  const input = tf.input({ shape: [layers[0]!.kernel.length], name: inputName });
  const output = layers.reduce<tfjs.SymbolicTensor>((below, { name, kernel, bias, activation }) => {
    const layer = tf.layers.dense({ name, units: bias.length, activation });
    const above = layer.apply(below) as tfjs.SymbolicTensor;
    layer.setWeights([tf.tensor2d(kernel as number[][]), tf.tensor1d([...bias])]);
    return above;
  }, input);
  return tf.model({ inputs: input, outputs: output });
}

/** What `denseNetwork` answers for one row, by its definition. */
export function denseScore(layers: readonly DenseLayer[], row: readonly number[]): number[] {
  return layers.reduce<readonly number[]>(
    (below, { kernel, bias, activation }) =>
      bias.map((start, unit) => {
        const z = below.reduce((sum, value, i) => sum + value * kernel[i]![unit]!, start);
        return activation === 'relu' ? Math.max(0, z) : activation === 'sigmoid' ? 1 / (1 + Math.exp(-z)) : z;
      }),
    row,
  ) as number[];
}

export async function artifactsOf(model: tfjs.LayersModel): Promise<tfjs.io.ModelArtifacts> {
  let saved: tfjs.io.ModelArtifacts | undefined;
  await model.save({
    save: (artifacts) => {
      saved = artifacts;
      return Promise.resolve({ modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } });
    },
  });
  return saved!;
}

export async function packedOf(model: tfjs.LayersModel): Promise<Uint8Array> {
  const { modelTopology, weightSpecs, weightData } = await artifactsOf(model);
  return packModel({
    format: 'layers-model',
    generatedBy: 'a test',
    convertedBy: null,
    modelTopology: modelTopology as PackedModel['modelTopology'],
    weightSpecs: weightSpecs as unknown as PackedModel['weightSpecs'],
    signature: null,
    weights: new Uint8Array(weightData as ArrayBuffer),
  });
}

/** Writes `model.json` and its weights, in two files, as TensorFlow.js saves a model in Node. @returns the path of `model.json` */
export async function saveModel(model: tfjs.LayersModel, folder: string): Promise<string> {
  const { modelTopology, weightSpecs, weightData, format, generatedBy, convertedBy } = await artifactsOf(model);
  const weights = new Uint8Array(weightData as ArrayBuffer);
  const half = Math.floor(weights.length / 2);
  const files = { 'weights-1of2.bin': weights.subarray(0, half), 'weights-2of2.bin': weights.subarray(half) };
  mkdirSync(folder, { recursive: true });
  for (const [name, bytes] of Object.entries(files)) writeFileSync(path.join(folder, name), bytes);
  const file = path.join(folder, 'model.json');
  writeFileSync(file, JSON.stringify({ format, generatedBy, convertedBy, modelTopology, weightsManifest: [{ paths: Object.keys(files), weights: weightSpecs }] }));
  return file;
}

const node = (name: string, op: string, input: readonly string[] = [], attr: object = {}) => ({ name, op, input, attr });
const tensorShape = (sizes: readonly number[]) => ({ dim: sizes.map((size) => ({ size: String(size) })) });

/** A graph model: rows [?, weights] in, `sigmoid(row . weights)` [?, 1] out; as the converter of TensorFlow's saved models writes it. */
export function logisticGraph(weights: readonly number[], { hasSignature = true, operation = 'Sigmoid' } = {}): PackedModel {
  const float = { type: 'DT_FLOAT' };
  const width = weights.length;
  return {
    format: 'graph-model',
    generatedBy: '2.18.0',
    convertedBy: 'TensorFlow.js Converter v4.22.0',
    modelTopology: {
      node: [
        node('x', 'Placeholder', [], { dtype: float, shape: { shape: tensorShape([-1, width]) } }),
        node('w', 'Const', [], { dtype: float, value: { tensor: { dtype: 'DT_FLOAT', tensorShape: tensorShape([width, 1]) } } }),
        node('z', 'MatMul', ['x', 'w'], { T: float, transpose_a: { b: false }, transpose_b: { b: false } }),
        node('p', operation, ['z'], { T: float }),
      ],
      library: {},
      versions: { producer: 1 },
    } as unknown as PackedModel['modelTopology'],
    weightSpecs: [{ name: 'w', shape: [width, 1], dtype: 'float32' }],
    signature: hasSignature
      ? {
          inputs: { features: { name: 'x:0', dtype: 'DT_FLOAT', tensorShape: tensorShape([-1, width]) } },
          outputs: { probability: { name: 'p:0', dtype: 'DT_FLOAT', tensorShape: tensorShape([-1, 1]) } },
        }
      : null,
    weights: new Uint8Array(Float32Array.from(weights).buffer),
  };
}

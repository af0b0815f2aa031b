import { describe, expect, it } from 'vitest';
import type * as tfjs from '@tensorflow/tfjs';
import type { Tensor } from '../../../src/contracts/tensor.ts';
import { unpackModel, type PackedModel } from '../../../src/tensorflow/packed-model.ts';
import { openTensorflowModel } from '../../../src/tensorflow/tensorflow-model.ts';
import { denseNetwork, denseScore, logisticGraph, packedOf, testTensorflow, type DenseLayer } from '../../support/tensorflow/saved-model.ts';

const tf = await testTensorflow();
const floats = (name: string, shape: number[], values: number[]): Tensor => ({ name, datatype: 'FP32', shape, elements: Float32Array.from(values) });
const layers: DenseLayer[] = [
  { name: 'hidden', kernel: [[1, -1], [0.5, 2]], bias: [0.1, -0.2], activation: 'relu' },
  { name: 'score', kernel: [[0.7], [-0.3]], bias: [0.05], activation: 'sigmoid' },
];
const openLayers = async (model: tfjs.LayersModel) => openTensorflowModel(tf, unpackModel(await packedOf(model)));

describe('a layers model', () => {
  it('names its tensors for their layers, each time that it is opened, and answers what its weights say', async () => {
    for (let i = 0; i < 2; i++) {
      const model = await openLayers(denseNetwork(tf, layers));
      expect(model.inputs).toEqual([{ name: 'row', type: 'float32', shape: [-1, 2] }]);
      expect(model.outputs).toEqual([{ name: 'score', type: 'float32', shape: [-1, 1] }]);
      const [answer] = await model.run([floats('row', [2, 2], [1, 2, -3, 0.5])], ['score']);
      expect(answer).toMatchObject({ name: 'score', datatype: 'FP32', shape: [2, 1] });
      expect(answer!.elements[0]).toBeCloseTo(denseScore(layers, [1, 2])[0]!, 5);
      expect(answer!.elements[1]).toBeCloseTo(denseScore(layers, [-3, 0.5])[0]!, 5);
      model.release();
    }
  });

  it('takes several inputs in any order and answers the outputs that are asked for', async () => {
    const left = tf.input({ shape: [2], name: 'left' });
    const right = tf.input({ shape: [1], name: 'right', dtype: 'int32' });
    const row = tf.layers.flatten().apply(tf.layers.embedding({ inputDim: 3, outputDim: 2, name: 'table', weights: [tf.tensor2d([[0, 0], [10, 20], [30, 40]])] }).apply(right));
    const sum = tf.layers.add({ name: 'sum' }).apply([left, row as tfjs.SymbolicTensor]) as tfjs.SymbolicTensor;
    const twice = tf.layers.add({ name: 'twice' }).apply([sum, sum]) as tfjs.SymbolicTensor;
    const model = await openLayers(tf.model({ inputs: [left, right], outputs: [sum, twice] }));
    expect(model.inputs.map(({ name, type }) => [name, type])).toEqual([['left', 'float32'], ['right', 'int32']]);
    const inputs: Tensor[] = [{ name: 'right', datatype: 'INT32', shape: [1, 1], elements: Int32Array.of(2) }, floats('left', [1, 2], [1, 2])];
    const answers = await model.run(inputs, ['twice', 'sum']);
    expect(answers.map(({ name, elements }) => [name, [...elements]])).toEqual([['twice', [62, 84]], ['sum', [31, 42]]]);
    model.release();
  });

  it('gives all memory of a run back', async () => {
    const model = await openLayers(denseNetwork(tf, layers));
    const before = tf.memory().numTensors;
    for (let i = 0; i < 5; i++) await model.run([floats('row', [1, 2], [1, 2])], ['score']);
    await expect(model.run([floats('row', [1, 3], [1, 2, 3])], ['score'])).rejects.toThrow();
    expect(tf.memory().numTensors).toBe(before);
    model.release();
  });
});

describe('a graph model', () => {
  const sigmoid = (z: number) => 1 / (1 + Math.exp(-z));

  it.each([
    ['of its signature', true, 'features', 'probability', [-1, 1]],
    ['of its nodes where it has none', false, 'x', 'p', null],
  ] as const)('has the names %s', async (_, hasSignature, input, output, shape) => {
    const model = await openTensorflowModel(tf, logisticGraph([1, -2, 0.5], { hasSignature }));
    expect(model.inputs).toEqual([{ name: input, type: 'float32', shape: [-1, 3] }]);
    expect(model.outputs).toEqual([{ name: output, type: 'float32', shape }]);
    const [answer] = await model.run([floats(input, [2, 3], [1, 1, 1, 0, 1, 2])], [output]);
    expect(answer).toMatchObject({ name: output, shape: [2, 1] });
    expect(answer!.elements[0]).toBeCloseTo(sigmoid(-0.5), 6);
    expect(answer!.elements[1]).toBeCloseTo(sigmoid(-1), 6);
    model.release();
  });

  it('runs a loop or a condition in the way that these need', async () => {
    // NonMaxSuppression and Where are of this kind too: how much they answer depends on the values.
    const model = await openTensorflowModel(tf, wherePositive());
    const [answer] = await model.run([floats('x', [4], [1, -1, 3, 0])], ['places']);
    expect([...answer!.elements]).toEqual([0, 2]);
    expect(answer).toMatchObject({ datatype: 'INT32', shape: [2, 1] });
    model.release();
  });

  it('is refused where the backend lacks one of its operations', async () => {
    await expect(openTensorflowModel(tf, logisticGraph([1, 2], { operation: 'Unheard' }))).rejects.toThrow(/Unheard/);
  });
});

/** Where a vector is above zero: its operation answers as many rows as there are. */
function wherePositive(): PackedModel {
  const float = { type: 'DT_FLOAT' };
  const node = (name: string, op: string, input: string[], attr: object) => ({ name, op, input, attr });
  const base = logisticGraph([0]);
  return {
    ...base,
    signature: null,
    modelTopology: {
      node: [
        node('x', 'Placeholder', [], { dtype: float, shape: { shape: { dim: [{ size: '-1' }] } } }),
        node('w', 'Const', [], { dtype: float, value: { tensor: { dtype: 'DT_FLOAT', tensorShape: { dim: [{ size: '1' }, { size: '1' }] } } } }),
        node('zero', 'Reshape', ['w', 'one'], { T: float }),
        node('one', 'Const', [], { dtype: { type: 'DT_INT32' }, value: { tensor: { dtype: 'DT_INT32', tensorShape: { dim: [{ size: '1' }] } } } }),
        node('above', 'Greater', ['x', 'zero'], { T: float }),
        node('places', 'Where', ['above'], { T: { type: 'DT_BOOL' } }),
      ],
      library: {},
      versions: { producer: 1 },
    } as unknown as PackedModel['modelTopology'],
    weightSpecs: [...base.weightSpecs, { name: 'one', shape: [1], dtype: 'int32' }],
    weights: Uint8Array.from([...base.weights, 1, 0, 0, 0]),
  };
}

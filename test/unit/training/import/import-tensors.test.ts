import { describe, expect, it } from 'vitest';
import type { GoldenTensors } from '../../../../src/contracts/tensor-signature.ts';
import { fromGolden } from '../../../../src/registry/golden-tensors.ts';
import { importTensors } from '../../../../src/training/import/import-tensors.ts';
import { tinyOnnx } from '../../../support/serving/tiny-onnx.ts';
import { onnxFile, type OnnxFile } from '../../../support/training/onnx-file.ts';

const importing = (file: Partial<OnnxFile> & Pick<OnnxFile, 'nodes' | 'inputs' | 'outputs'>) =>
  importTensors({ model: 'm', file: { name: 'm.onnx', role: 'model.onnx', bytes: onnxFile(file) }, by: 'tester', reason: 'a test' });
const goldenOf = ({ files }: Awaited<ReturnType<typeof importing>>) => JSON.parse(Buffer.from(files['golden-batch.json']).toString()) as GoldenTensors;

describe('a graph with tensors of its own', () => {
  it('is taken with all of its inputs and outputs, and shares runs where rows do not depend on one another', async () => {
    const imported = await importing({
      nodes: [['Add', ['a', 'b'], 'sum'], ['Not', ['flag'], 'unflagged']],
      inputs: [['a', 'int64', ['rows', 2]], ['b', 'int64', ['rows', 2]], ['flag', 'bool', ['rows']]],
      outputs: [['sum', 'int64', ['rows', 2]], ['unflagged', 'bool', ['rows']]],
    });
    expect(imported.signature).toMatchObject({
      task: 'tensors',
      inputs: [
        { name: 'a', datatype: 'INT64', shape: [-1, 2] },
        { name: 'b', datatype: 'INT64', shape: [-1, 2] },
        { name: 'flag', datatype: 'BOOL', shape: [-1] },
      ],
      outputs: [{ name: 'sum', shape: [-1, 2] }, { name: 'unflagged', shape: [-1] }],
      batched: true,
      batchRowsMax: 512,
    });
    expect(imported.notes).toEqual([]);
    expect(imported.lineage).toMatchObject({ trigger: 'import', imported: { producerName: 'a test', by: 'tester' } });
    const [a, b] = goldenOf(imported).tensors!.inputs.map(fromGolden);
    const [sum] = goldenOf(imported).tensors!.outputs.map(fromGolden);
    expect(sum!.elements).toEqual(BigInt64Array.from(a!.elements as BigInt64Array, (value, i) => value + (b!.elements as BigInt64Array)[i]!));
  });

  it.each<[what: string, file: Parameters<typeof importing>[0], note: string]>([
    ['its rows are fixed', { nodes: [['Identity', ['x'], 'y']], inputs: [['x', 'float32', [1, 2]]], outputs: [['y', 'float32', [1, 2]]] }, 'its first dimensions are not rows'],
    ['its inputs have lengths of their own', { nodes: [['Identity', ['x'], 'y'], ['Identity', ['u'], 'v']], inputs: [['x', 'float32', ['n']], ['u', 'float32', ['m']]], outputs: [['y', 'float32', ['n']], ['v', 'float32', ['m']]] }, 'its first dimensions are not rows'],
    ['it answers another number of rows', { nodes: [['Concat', ['x', 'x'], 'y', { axis: 0 }]], inputs: [['x', 'float32', ['n', 2]]], outputs: [['y', 'float32', ['k', 2]]] }, "output 'y' answers 3 rows with shape [6, 2]"],
    ['a row depends on the others', { nodes: [['Softmax', ['x'], 'y', { axis: 0 }]], inputs: [['x', 'float32', ['n', 2]]], outputs: [['y', 'float32', ['n', 2]]] }, 'alone a row gives another answer than among others'],
  ])('runs requests one at a time where %s', async (_what, file, note) => {
    const imported = await importing(file);
    expect(imported.signature).toMatchObject({ batched: false, batchRowsMax: 1 });
    expect(imported.notes.join()).toContain(note);
    expect(goldenOf(imported).tensors).not.toBeNull();
  });

  it('is refused with all that is wrong at once', async () => {
    const scalars = importing({
      nodes: [['ReduceSum', ['x'], 'y', { keepdims: 0 }], ['Cast', ['x'], 'z', { to: 16 }]],
      inputs: [['x', 'float32', [1, 1, 1, 1, 1, 1, 1, 1, 2]]],
      outputs: [['y', 'float32', []]],
    });
    await expect(scalars).rejects.toMatchObject({ code: 'MODEL_IMPORT_INVALID' });
    await expect(scalars).rejects.toThrow("input 'x': expected 1 to 8 dimensions, found 9; output 'y': expected 1 to 8 dimensions, found 0");
    const bytes = Buffer.from(tinyOnnx({ weights: [1], bias: 0, externalWeights: true }));
    await expect(importTensors({ model: 'm', file: { name: 'm.onnx', role: 'model.onnx', bytes }, by: 't', reason: 'r' })).rejects.toThrow('keeps its values in another file');
  });
});

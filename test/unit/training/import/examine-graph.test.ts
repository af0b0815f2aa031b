import { describe, expect, it } from 'vitest';
import { examineGraph } from '../../../../src/training/import/examine-graph.ts';
import { probeRows } from '../../../../src/training/import/probe-rows.ts';
import { tinyOnnx } from '../../../support/serving/tiny-onnx.ts';
import { onnxFile, type OnnxFile, type OnnxNode, type OnnxValue } from '../../../support/training/onnx-file.ts';

const COLUMNS = 3;
const columns = { numericNames: ['a', 'b'], categories: [{ name: 'c', vocabulary: ['x', 'y'] }] };
const probe = probeRows(null, columns, 1);
const rowsOfProbe = probe.features.length / COLUMNS;

const X: OnnxValue = ['X', 'float32', ['rows', COLUMNS]];
const weights = Float32Array.of(0.1, -0.2, 0.3);
/** `p` is the probability of each row, [rows, 1]; null counts as 0. */
const logistic: OnnxNode[] = [
  ['IsNaN', ['X'], 'isNull'],
  ['Where', ['isNull', 'zero', 'X'], 'imputed'],
  ['MatMul', ['imputed', 'w'], 'z'],
  ['Sigmoid', ['z'], 'p'],
];
const constants: NonNullable<OnnxFile['constants']> = [
  ['zero', Float32Array.of(0), []],
  ['w', weights, [COLUMNS, 1]],
  ['flat', BigInt64Array.of(-1n), [1]],
  ['one', Float32Array.of(1), []],
];
const both: OnnxNode[] = [...logistic, ['Sub', ['one', 'p'], 'q'], ['Concat', ['q', 'p'], 'pair', { axis: 1 }]];
const file = (over: Partial<OnnxFile>) =>
  onnxFile({ nodes: logistic, inputs: [X], outputs: [['p', 'float32', ['rows', 1]]], constants, ...over });

const examine = (bytes: Uint8Array, wanted: { input?: string; output?: string; nullAs?: number } = {}) =>
  examineGraph(
    'fraud',
    { name: 'model.onnx', role: 'model.onnx', bytes: Buffer.from(bytes) },
    { columns: COLUMNS, input: wanted.input ?? null, output: wanted.output ?? null, nullAs: wanted.nullAs ?? null },
    probe,
  );

/** What the graph should answer for a probe row, in float64. */
function expectedScore(row: number): number {
  const values = probe.features.subarray(row * COLUMNS, (row + 1) * COLUMNS);
  const z = values.reduce((sum, value, i) => sum + (Number.isNaN(value) ? 0 : value) * weights[i]!, 0);
  return 1 / (1 + Math.exp(-z));
}

describe('a graph that was made elsewhere', () => {
  it.each<[what: string, bytes: Uint8Array, outputColumns: number]>([
    ['[rows, 1]', file({}), 1],
    [
      '[rows]',
      file({ nodes: [...logistic, ['Reshape', ['p', 'flat'], 's']], outputs: [['s', 'float32', ['rows']]] }),
      1,
    ],
    ['[rows, 2], class probabilities', file({ nodes: both, outputs: [['pair', 'float32', ['rows', 2]]] }), 2],
    [
      '[rows, 1] in float64',
      file({ nodes: [...logistic, ['Cast', ['p'], 'd', { to: 11 }]], outputs: [['d', 'float64', ['rows', 1]]] }),
      1,
    ],
    ['[rows, 1] of columns that it does not name', file({ inputs: [['X', 'float32', ['rows', 'columns']]] }), 1],
  ])('is taken with an output of %s', async (_what, bytes, outputColumns) => {
    const { header, tensors, scores } = await examine(bytes);
    expect(header).toEqual({ irVersion: 8, producerName: 'a test', producerVersion: '1.2', opsets: { '': 17 } });
    expect(tensors).toMatchObject({ input: 'X', outputColumns, scoreColumn: outputColumns - 1 });
    expect(scores).toHaveLength(rowsOfProbe);
    scores.forEach((score, row) => expect(score).toBeCloseTo(expectedScore(row), 5));
  });

  it('is asked for one of several outputs by name', async () => {
    const bytes = file({ nodes: both, outputs: [['z', 'float32', ['rows', 1]], ['pair', 'float32', ['rows', 2]]] });
    await expect(examine(bytes)).rejects.toThrow("found 'z' (float32[?, 1]), 'pair' (float32[?, 2]): name it by --output");
    expect((await examine(bytes, { output: 'pair' })).tensors.output).toBe('pair');
  });

  const fixed: OnnxValue = ['X', 'float32', [8, 4]];
  it.each<[what: string, bytes: Uint8Array, why: string[], wanted?: { input?: string; output?: string }]>([
    ['no protobuf', Buffer.from('a model'), ['it is not an ONNX model']],
    ['nothing that names a version', Buffer.of(), ['it names no version of ONNX and no operator set']],
    ['values in another file', tinyOnnx({ weights: [1, 2, 3], bias: 0, externalWeights: true }), ["tensor 'w' keeps its values in another file: save the model as one file"]],
    ['an operator set of the future', file({ opset: 99 }), ['ONNX Runtime does not open it']],
    ['an operator that there is not', file({ nodes: [...logistic.slice(0, 3), ['Sigmood', ['z'], 'p']] }), ['ONNX Runtime does not open it', 'Sigmood']],
    ['an input for each column', file({ inputs: [X, ['Y', 'float32', ['rows', 1]]] }), ["expected one input, found 'X' (float32[?, 3]), 'Y' (float32[?, 1])"]],
    ['another input than is named', file({}), ["it has no input 'features', its inputs are 'X'"], { input: 'features' }],
    ['another output than is named', file({}), ["it has no output 'score', its outputs are 'p'"], { output: 'score' }],
    ['whole numbers as input', file({ nodes: [['Cast', ['I'], 'X', { to: 1 }], ...logistic], inputs: [['I', 'int64', ['rows', 3]]] }), ["input 'I' (int64[?, 3]): expected a float32 tensor [rows, 3]"]],
    ['three dimensions', file({ nodes: [['Reshape', ['T', 'flat'], 'X'], ...logistic], inputs: [['T', 'float32', ['rows', 3, 1]]] }), ['expected two dimensions, [rows, 3]']],
    [
      'all that is wrong with its tensors at once',
      file({ inputs: [fixed], nodes: [['IsNaN', ['X'], 'n']], outputs: [['n', 'bool', [8, 4]]] }),
      ['its number of rows is fixed', 'expected 3 columns', "expected one output of floats as the score, found 'n' (bool[8, 4])"],
    ],
    ['an output that is no float', file({ nodes: [...logistic, ['IsNaN', ['p'], 'n']], outputs: [['n', 'bool', ['rows', 1]]] }), ["output 'n' (bool[?, 1]): expected float32 or float64"], { output: 'n' }],
    ['three classes', file({ nodes: [...both, ['Concat', ['pair', 'q'], 't', { axis: 1 }]], outputs: [['t', 'float32', ['rows', 3]]] }), [`answers ${rowsOfProbe} rows with shape [${rowsOfProbe}, 3]`]],
    ['one score for all rows', file({ nodes: [...logistic, ['ReduceMean', ['p'], 'm', { keepdims: 1 }]], outputs: [['m', 'float32', ['rows', 1]]] }), ['with shape [1, 1]']],
    ['scores beyond 0 to 1', file({ outputs: [['z', 'float32', ['rows', 1]]] }), ['expected a probability from 0 to 1']],
    ['no score for a null', file({ nodes: [['MatMul', ['X', 'w'], 'z'], ['Sigmoid', ['z'], 'p']] }), ['a row of nulls scores NaN: null reaches the graph as NaN: impute it in the graph, or name a number']],
    ['rows that depend on others', file({ nodes: [...logistic, ['Softmax', ['p'], 's', { axis: 0 }]], outputs: [['s', 'float32', ['rows', 1]]] }), ['alone: rows must not depend on one another']],
    ['a run that fails', file({ constants: [constants[0]!, ['w', Float32Array.of(1, 2), [2, 1]], ...constants.slice(2)], inputs: [['X', 'float32', ['rows', 'columns']]] }), ['it fails on a batch of rows']],
  ])('is refused with %s', async (_what, bytes, why, wanted) => {
    const error = await examine(bytes, wanted).then(() => null, (failure: unknown) => failure as Error);
    expect(error).toMatchObject({ code: 'MODEL_IMPORT_INVALID' });
    for (const part of why) expect(error?.message).toContain(part);
  });
});

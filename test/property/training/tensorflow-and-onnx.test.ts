import fc from 'fast-check';
import { expect, it } from 'vitest';
import { scoreGraph } from '../../../src/training/score-graph.ts';
import { denseNetwork, denseScore, packedOf, testTensorflow, type DenseLayer } from '../../support/tensorflow/saved-model.ts';
import { onnxFile, type OnnxNode } from '../../support/training/onnx-file.ts';

const tf = await testTensorflow();
const weight = fc.double({ min: -2, max: 2, noNaN: true }).map(Math.fround);
const matrix = (rows: number, columns: number) => fc.array(fc.array(weight, { minLength: columns, maxLength: columns }), { minLength: rows, maxLength: rows });

const network = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }).chain((widths) =>
  fc.record({
    layers: fc.tuple(
      ...widths.map((width, i) =>
        fc.record({
          name: fc.constant(i === widths.length - 1 ? 'score' : `hidden${i}`),
          kernel: matrix(width, widths[i + 1] ?? 1),
          bias: fc.array(weight, { minLength: widths[i + 1] ?? 1, maxLength: widths[i + 1] ?? 1 }),
          activation: fc.constant<DenseLayer['activation']>(i === widths.length - 1 ? 'sigmoid' : 'relu'),
        }),
      ),
    ),
    rows: fc.array(fc.array(fc.option(weight, { nil: NaN }), { minLength: widths[0]!, maxLength: widths[0]! }), { minLength: 1, maxLength: 20 }),
    nullAs: weight,
  }),
);

function asOnnx(layers: readonly DenseLayer[]): Buffer {
  const constants: [string, Float32Array, number[]][] = layers.flatMap(({ name, kernel, bias }) => [
    [`${name}.w`, Float32Array.from(kernel.flat()), [kernel.length, bias.length]],
    [`${name}.b`, Float32Array.from(bias), [bias.length]],
  ]);
  const nodes = layers.flatMap(({ name, activation }, i): OnnxNode[] => [
    ['MatMul', [i === 0 ? 'x' : layers[i - 1]!.name, `${name}.w`], `${name}.m`],
    ['Add', [`${name}.m`, `${name}.b`], `${name}.z`],
    [activation === 'relu' ? 'Relu' : 'Sigmoid', [`${name}.z`], name],
  ]);
  return onnxFile({ nodes, inputs: [['x', 'float32', ['rows', layers[0]!.kernel.length]]], outputs: [['score', 'float32', ['rows', 1]]], constants });
}

it('a network scores the same in both runtimes as by its definition, nulls as the number that it names for them', async () => {
  await fc.assert(
    fc.asyncProperty(network, async ({ layers, rows, nullAs }) => {
      const shape = { output: 'score', outputColumns: 1, scoreColumn: 0, nullAs };
      const features = Float32Array.from(rows.flat());
      const columns = rows[0]!.length;
      const onnx = await scoreGraph({ role: 'model.onnx', bytes: asOnnx(layers) }, features, columns, { input: 'x', ...shape });
      const model = denseNetwork(tf, layers);
      const tensorflow = await scoreGraph({ role: 'model.tfjs', bytes: await packedOf(model) }, features, columns, { input: 'row', ...shape });
      model.dispose();
      for (const [i, row] of rows.entries()) {
        const expected = denseScore(layers, row.map((value) => (Number.isNaN(value) ? nullAs : value)))[0]!;
        expect(onnx[i]).toBeCloseTo(expected, 5);
        expect(tensorflow[i]).toBeCloseTo(expected, 5);
      }
    }),
    { numRuns: 40 },
  );
});

import { onnxFile, type OnnxNode } from './onnx-file.ts';

/**
 * A graph as converters of scikit-learn make them: input `X`, outputs `label` and class probabilities. The probability of the
 * positive class is the logistic function of the weighted sum; null counts as 0.
 */
export function linearOnnx(weights: readonly number[]): Buffer {
  const nodes: OnnxNode[] = [
    ['IsNaN', ['X'], 'isNull'],
    ['Where', ['isNull', 'zero', 'X'], 'imputed'],
    ['MatMul', ['imputed', 'w'], 'z'],
    ['Sigmoid', ['z'], 'p'],
    ['Sub', ['one', 'p'], 'q'],
    ['Concat', ['q', 'p'], 'probabilities', { axis: 1 }],
    ['ArgMax', ['probabilities'], 'label', { axis: 1, keepdims: 0 }],
  ];
  return onnxFile({
    nodes,
    inputs: [['X', 'float32', ['rows', weights.length]]],
    outputs: [
      ['label', 'int64', ['rows']],
      ['probabilities', 'float32', ['rows', 2]],
    ],
    constants: [
      ['zero', Float32Array.of(0), []],
      ['one', Float32Array.of(1), []],
      ['w', Float32Array.from(weights), [weights.length, 1]],
    ],
  });
}

/** The same in float64. */
export function linearScore(weights: readonly number[], row: ArrayLike<number>): number {
  const z = weights.reduce((sum, weight, i) => sum + weight * (row[i] || 0), 0);
  return 1 / (1 + Math.exp(-z));
}

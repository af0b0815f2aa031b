import { createOnnxGraph } from '../../src/training/onnx-graph.ts';
import { scoreOnnx } from '../../src/training/score-onnx.ts';
import type { GoldenBatch } from '../../src/contracts/model-bundle.ts';
import { createRandom } from '../fold/activity-view.ts';
import { treesOnnx } from './trees-onnx.ts';

export const COLUMNS = 40;
const HIDDEN = [128, 64];
const TREES = 200;
/** As LightGBM has them by default. */
const LEAVES = 31;
const GOLDEN_ROWS = 16;
const GOLDEN_TOLERANCE = 1e-5;

/** The reference models' files, the same bytes each time: weights are random, since only their number matters for speed. */
export function referenceOnnx(): { readonly mlp: Uint8Array; readonly trees: Uint8Array } {
  return { mlp: mlpOnnx(), trees: treesOnnx({ columns: COLUMNS, trees: TREES, leaves: LEAVES }) };
}

/** Rows of numbers as requests would have them, with seven digits at most. */
export function referenceRows(count: number): number[][] {
  const random = createRandom();
  return Array.from({ length: count }, () => Array.from({ length: COLUMNS }, () => Number((random() * 4 - 2).toFixed(4))));
}

export async function goldenBatch(onnx: Uint8Array): Promise<GoldenBatch> {
  const features = Float32Array.from(referenceRows(GOLDEN_ROWS).flat());
  const scores = await scoreOnnx(onnx, features, COLUMNS);
  return { rows: GOLDEN_ROWS, columns: COLUMNS, features: Buffer.from(features.buffer).toString('base64'), scores: [...scores], tolerance: GOLDEN_TOLERANCE };
}

function mlpOnnx(): Uint8Array {
  const graph = createOnnxGraph('mlp');
  const random = createRandom();
  const widths = [COLUMNS, ...HIDDEN, 1];
  let current = 'features';
  for (const [i, outputs] of widths.slice(1).entries()) {
    const inputs = widths[i]!;
    const weights = Float32Array.from({ length: inputs * outputs }, () => (random() - 0.5) * Math.sqrt(12 / inputs));
    const names = [graph.constant(`w${i}`, weights, [inputs, outputs]), graph.constant(`b${i}`, new Float32Array(outputs), [outputs])];
    current = graph.node('Gemm', `layer${i}`, [current, ...names]);
    if (i < HIDDEN.length) current = graph.node('Relu', `relu${i}`, [current]);
  }
  const probability = graph.node('Sigmoid', 'probability', [current]);
  graph.node('Squeeze', 'score', [probability, graph.constant('axis', [1], [1], 'int64')]);
  return graph.encode({ name: 'features', shape: ['rows', COLUMNS] }, { name: 'score', shape: ['rows'] }, 'Reference network');
}

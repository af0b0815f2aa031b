import { UNKNOWN_CODE } from '../contracts/encode-categories.ts';
import type { ModelSignature } from '../contracts/model-bundle.ts';
import { numberPieces, type FeatureEncoding } from './feature-encoding.ts';
import type { Network } from './network.ts';
import { createOnnxGraph, type OnnxGraph } from './onnx-graph.ts';
import { onnxType } from './onnx-schema.ts';

/**
 * The network and the numeric part of its encoding as one ONNX graph: `features` [rows, F] in, `score`
 * [rows] out, both float32 (see ModelSignature). Any float is safe to put in: null (NaN) takes the path
 * that it took in training, an infinity counts as the end of its column's range, and a code that no
 * encoder makes counts as unknown.
 */
export function exportOnnx(
  network: Network,
  encoding: FeatureEncoding,
  signature: ModelSignature,
): Uint8Array {
  const graph = createOnnxGraph(signature.model);
  const columns = signature.numericNames.length + signature.categories.length;
  const parts = [
    ...numberInputs(graph, encoding),
    ...embeddedInputs(graph, network, signature.numericNames.length),
  ];
  let current =
    parts.length === 1 ? (parts[0] as string) : graph.node('Concat', 'inputs', parts, { axis: 1 });
  network.layers.forEach(({ inputs, outputs, weights, bias }, i) => {
    const weight = graph.constant(`layer_${i}_weights`, weights, [inputs, outputs]);
    const offset = graph.constant(`layer_${i}_bias`, bias, [outputs]);
    current = graph.node('Gemm', `layer_${i}`, [current, weight, offset]);
    if (i < network.layers.length - 1) current = graph.node('Relu', `layer_${i}_relu`, [current]);
  });
  const probability = graph.node('Sigmoid', 'probability', [current]);
  graph.node('Squeeze', 'score', [probability, graph.constant('score_axis', [1], [1], 'int64')]);
  return graph.encode(
    { name: 'features', shape: ['rows', columns] },
    { name: 'score', shape: ['rows'] },
    `Score of the model '${signature.model}' (${signature.task}); null is NaN.`,
  );
}

/** Pieces, then missing indicators; a part without columns is left out. */
function numberInputs(graph: OnnxGraph, encoding: FeatureEncoding): string[] {
  const { column, lower, slope, indicators } = numberPieces(encoding);
  const parts: string[] = [];
  if (column.length > 0) {
    const row = (name: string, values: Float32Array) => graph.constant(name, values, [1, values.length]);
    const columns = graph.constant('piece_columns', [...column], [column.length], 'int64');
    const values = graph.node('Gather', 'piece_values', ['features', columns], { axis: 1 });
    const above = graph.node('Sub', 'above_lower', [values, row('piece_lower', lower)]);
    const scaled = graph.node('Mul', 'scaled', [above, row('piece_slope', slope)]);
    const centred = graph.node('Sub', 'centred', [scaled, graph.constant('one', [1], [])]);
    const limits = [graph.constant('piece_min', [-1], []), graph.constant('piece_max', [1], [])];
    const clipped = graph.node('Clip', 'clipped', [centred, ...limits]);
    const missing = graph.node('IsNaN', 'piece_missing', [values]);
    parts.push(graph.node('Where', 'pieces', [missing, graph.constant('missing_value', [0], []), clipped]));
  }
  if (indicators.length > 0) {
    const columns = graph.constant('indicator_columns', [...indicators], [indicators.length], 'int64');
    const values = graph.node('Gather', 'indicator_values', ['features', columns], { axis: 1 });
    const missing = graph.node('IsNaN', 'indicator_missing', [values]);
    parts.push(graph.node('Cast', 'indicators', [missing], { to: onnxType.float }));
  }
  return parts;
}

/** One embedding lookup for each category column; the columns follow the numbers. */
function embeddedInputs(graph: OnnxGraph, { embeddings }: Network, firstColumn: number): string[] {
  if (embeddings.length === 0) return [];
  const unknown = graph.constant('unknown_code', [UNKNOWN_CODE], []);
  const lowest = graph.constant('lowest_code', [0], []);
  return embeddings.map(({ codes, size, table }, i) => {
    const column = graph.constant(`category_${i}_column`, [firstColumn + i], [], 'int64');
    const values = graph.node('Gather', `category_${i}_values`, ['features', column], { axis: 1 });
    const highest = graph.constant(`category_${i}_highest`, [codes - 1], []);
    // Both comparisons fail for NaN.
    const from = graph.node('GreaterOrEqual', `category_${i}_from`, [values, lowest]);
    const to = graph.node('LessOrEqual', `category_${i}_to`, [values, highest]);
    const valid = graph.node('And', `category_${i}_valid`, [from, to]);
    const safe = graph.node('Where', `category_${i}_safe`, [valid, values, unknown]);
    const index = graph.node('Cast', `category_${i}_index`, [safe], { to: onnxType.int64 });
    const vectors = graph.constant(`category_${i}_table`, table, [codes, size]);
    return graph.node('Gather', `category_${i}`, [vectors, index], { axis: 0 });
  });
}

import type { Rank, Tensor2D } from '@tensorflow/tfjs';
import type { EncodedExamples } from './encode-examples.ts';
import { gatherInputs, type Layer, type Network } from './network.ts';
import type { TensorFlow } from '../tensorflow/tensorflow-backend.ts';

/** Rows that are scored together; bounds the memory of a pass. */
const SCORE_ROWS = 4_096;

export interface Pass {
  /** Summed log loss of the batch in nats. */
  readonly loss: number;
  /** In the order of `parametersOf`; means over the batch. */
  readonly gradients: readonly Float32Array[];
}

/** Probability of each example that `rows` names, in that order. */
export function scoreExamples(
  tf: TensorFlow,
  network: Network,
  examples: EncodedExamples,
  rows: Uint32Array,
): Float32Array {
  const scores = new Float32Array(rows.length);
  const inputs = (network.layers[0] as Layer).inputs;
  for (let from = 0; from < rows.length; from += SCORE_ROWS) {
    const batch = rows.subarray(from, from + SCORE_ROWS);
    const block = new Float32Array(batch.length * inputs);
    gatherInputs(network, examples, batch, block);
    const probabilities = tf.tidy(() => {
      const activations = forward(tf, network, tf.tensor2d(block, [batch.length, inputs]), null);
      return tf.sigmoid(activations.at(-1) as Tensor2D).dataSync<'float32'>();
    });
    scores.set(probabilities, from);
  }
  return scores;
}

/**
 * Log loss and its gradients for one batch, the backward pass written out. It beats the tape: nothing is
 * recorded, inputs that are data get no gradient, and products take explicit transposes, because the
 * wasm backend multiplies transposed operands some ten times slower.
 * @param masks one dropout mask for each hidden layer, or null
 */
export function lossAndGradients(
  tf: TensorFlow,
  network: Network,
  examples: EncodedExamples,
  rows: Uint32Array,
  masks: readonly Float32Array[] | null,
): Pass {
  const { layers, embeddings, numbers } = network;
  const count = rows.length;
  const inputs = (layers[0] as Layer).inputs;
  const block = new Float32Array(count * inputs);
  gatherInputs(network, examples, rows, block);
  const layerGradients: Float32Array[] = [];
  let loss = 0;
  let inputGradient: Float32Array | null = null;
  tf.tidy(() => {
    const masked = masks?.map((mask, i) => tf.tensor2d(mask, [count, (layers[i] as Layer).outputs])) ?? null;
    const activations = forward(tf, network, tf.tensor2d(block, [count, inputs]), masked);
    const logits = (activations.at(-1) as Tensor2D).dataSync<'float32'>();
    const output = logLossOfLogits(logits, examples.set.labels, rows);
    loss = output.loss;
    const ones = tf.ones<Rank.R2>([1, count]);
    let delta: Tensor2D = tf.tensor2d(output.gradient, [count, 1]);
    for (let i = layers.length - 1; i >= 0; i--) {
      const input = activations[i] as Tensor2D;
      const weights = tf.matMul(tf.transpose(input), delta).dataSync<'float32'>();
      layerGradients.unshift(weights, tf.matMul(ones, delta).dataSync<'float32'>());
      if (i > 0) delta = hiddenDelta(tf, layers[i] as Layer, delta, input, masked?.[i - 1] ?? null);
    }
    if (embeddings.length === 0) return;
    const { weights, outputs } = layers[0] as Layer;
    const embedded = tf.tensor2d(weights.subarray(numbers * outputs), [inputs - numbers, outputs]);
    inputGradient = tf.matMul(delta, tf.transpose(embedded)).dataSync<'float32'>();
  });
  if (network.linear) layerGradients[0]?.fill(0, numbers);
  return { loss, gradients: [...tableGradients(network, examples, rows, inputGradient), ...layerGradients] };
}

/** The input and each layer's output, dropout applied; the last are logits. */
function forward(
  tf: TensorFlow,
  { layers }: Network,
  input: Tensor2D,
  masks: readonly Tensor2D[] | null,
): Tensor2D[] {
  const activations = [input];
  layers.forEach(({ inputs, outputs, weights, bias }, i) => {
    const product = tf.fused.matMul({
      a: activations[i] as Tensor2D,
      b: tf.tensor2d(weights, [inputs, outputs]),
      bias: tf.tensor1d(bias),
      ...(i < layers.length - 1 ? { activation: 'relu' as const } : {}),
    }) as Tensor2D;
    const mask = masks?.[i];
    activations.push(mask === undefined ? product : tf.mul(product, mask));
  });
  return activations;
}

function hiddenDelta(
  tf: TensorFlow,
  layer: Layer,
  delta: Tensor2D,
  activation: Tensor2D,
  mask: Tensor2D | null,
): Tensor2D {
  const transposed = tf.transpose(tf.tensor2d(layer.weights, [layer.inputs, layer.outputs]));
  const through = tf.mul(tf.matMul(delta, transposed), tf.step(activation));
  return mask === null ? (through as Tensor2D) : tf.mul(through, mask);
}

/** ln(1 + e^z) - y z, and its derivative over the batch's mean; both without overflow. */
function logLossOfLogits(
  logits: Float32Array,
  labels: Float32Array,
  rows: Uint32Array,
): { loss: number; gradient: Float32Array } {
  const gradient = new Float32Array(rows.length);
  let loss = 0;
  for (let i = 0; i < rows.length; i++) {
    const z = logits[i] as number;
    const y = labels[rows[i] as number] as number;
    loss += Math.max(z, 0) - y * z + Math.log1p(Math.exp(-Math.abs(z)));
    gradient[i] = (1 / (1 + Math.exp(-z)) - y) / rows.length;
  }
  return { loss, gradient };
}

/** Adds each row's input gradient to the vector that the row took from the table. */
function tableGradients(
  { embeddings }: Network,
  { codes }: EncodedExamples,
  rows: Uint32Array,
  inputGradient: Float32Array | null,
): Float32Array[] {
  const tables = embeddings.map(({ table }) => new Float32Array(table.length));
  if (inputGradient === null) return tables;
  let at = 0;
  for (const row of rows) {
    for (let c = 0; c < tables.length; c++) {
      const table = tables[c] as Float32Array;
      const { size } = embeddings[c] as Network['embeddings'][number];
      const to = ((codes[c] as Int32Array)[row] as number) * size;
      for (let i = 0; i < size; i++)
        table[to + i] = (table[to + i] as number) + (inputGradient[at++] as number);
    }
  }
  return tables;
}

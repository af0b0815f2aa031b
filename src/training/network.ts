import { codeCount } from '../contracts/encode-categories.ts';
import type { Trainer } from '../define/model.ts';
import { writeNumbers, type EncodedExamples } from './encode-examples.ts';
import { numberWidth, type FeatureEncoding } from './feature-encoding.ts';
import type { SeededRandom } from './seeded-random.ts';

const EMBEDDING_SIZE_MAX = 16;
const EMBEDDING_DEVIATION = 0.05;

/** One vector for each code of a category, row-major. */
export interface Embedding {
  readonly codes: number;
  readonly size: number;
  readonly table: Float32Array;
}

/** Fully connected; weights are row-major, `inputs` x `outputs`. All but the last are followed by ReLU. */
export interface Layer {
  readonly inputs: number;
  readonly outputs: number;
  readonly weights: Float32Array;
  readonly bias: Float32Array;
}

/** Inputs: the encoded numbers, then the embeddings in order. The last layer has one output, a logit. */
export interface Network {
  readonly numbers: number;
  readonly embeddings: readonly Embedding[];
  readonly layers: readonly Layer[];
  /** A linear model: an embedding is the category's own weight, so the layer passes it on unchanged. */
  readonly linear: boolean;
}

/** A network at the start of its training: all rows score the base rate (linear) or close to it. */
export function createNetwork(
  trainer: Trainer,
  encoding: FeatureEncoding,
  baseRate: number,
  random: SeededRandom,
): Network {
  const linear = trainer.kind === 'logistic';
  const numbers = numberWidth(encoding);
  const embeddings = encoding.categories.map((encoder): Embedding => {
    const codes = codeCount(encoder);
    const size = linear ? 1 : (trainer.embeddingSize ?? embeddingSizeOf(codes));
    return { codes, size, table: filled(codes * size, linear ? 0 : EMBEDDING_DEVIATION, random) };
  });
  const inputs = numbers + embeddings.reduce((sum, { size }) => sum + size, 0);
  const widths = [inputs, ...(linear ? [] : trainer.hidden), 1];
  const layers = widths.slice(1).map((outputs, i): Layer => {
    const before = widths[i] as number;
    const last = i === widths.length - 2;
    // He's initialisation (2015) keeps the variance through ReLU; the output starts small.
    const deviation = linear ? 0 : last ? 0.1 / Math.sqrt(before) : Math.sqrt(2 / before);
    const weights = filled(before * outputs, deviation, random);
    if (linear) weights.fill(1, numbers);
    const bias = new Float32Array(outputs).fill(last ? Math.log(baseRate / (1 - baseRate)) : 0);
    return { inputs: before, outputs, weights, bias };
  });
  return { numbers, embeddings, layers, linear };
}

/** Grows with the square root of the vocabulary. */
export function embeddingSizeOf(codes: number): number {
  return Math.min(EMBEDDING_SIZE_MAX, Math.max(2, Math.ceil(Math.sqrt(codes))));
}

/** Every array that training changes, in a fixed order: tables, then weights and bias of each layer. */
export function parametersOf(network: Network): Float32Array[] {
  return [
    ...network.embeddings.map(({ table }) => table),
    ...network.layers.flatMap(({ weights, bias }) => [weights, bias]),
  ];
}

export function copyNetwork(network: Network): Network {
  return {
    ...network,
    embeddings: network.embeddings.map((embedding) => ({ ...embedding, table: embedding.table.slice() })),
    layers: network.layers.map((layer) => ({
      ...layer,
      weights: layer.weights.slice(),
      bias: layer.bias.slice(),
    })),
  };
}

/** Writes the inputs of the named rows, one after the other. */
export function gatherInputs(
  network: Network,
  examples: EncodedExamples,
  rows: Uint32Array,
  out: Float32Array,
): void {
  const { codes } = examples;
  let at = 0;
  for (const row of rows) {
    at = writeNumbers(examples, row, out, at);
    for (let c = 0; c < codes.length; c++) {
      const { table, size } = network.embeddings[c] as Embedding;
      const from = ((codes[c] as Int32Array)[row] as number) * size;
      for (let i = from; i < from + size; i++) out[at++] = table[i] as number;
    }
  }
}

function filled(length: number, deviation: number, random: SeededRandom): Float32Array {
  const values = new Float32Array(length);
  if (deviation > 0) for (let i = 0; i < length; i++) values[i] = deviation * random.normal();
  return values;
}

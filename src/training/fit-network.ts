import { MillraceError } from '../core/millrace-error.ts';
import type { Trainer } from '../define/model.ts';
import { logLoss } from '../statistics/probability-scores.ts';
import { createAdam } from './adam.ts';
import type { EncodedExamples } from './encode-examples.ts';
import type { FeatureEncoding } from './feature-encoding.ts';
import { copyNetwork, createNetwork, parametersOf, type Network } from './network.ts';
import { lossAndGradients, scoreExamples } from './network-passes.ts';
import { createRandom, shuffle, type SeededRandom } from './seeded-random.ts';
import type { TensorFlow } from '../tensorflow/tensorflow-backend.ts';

/** Share of the steps in which the learning rate rises from zero; then it falls by half a cosine. */
const WARM_UP_SHARE = 0.05;
const LEARNING_RATE_FLOOR = 0.01;
/** A batch is made smaller so that an epoch has this many steps, which small sets need to learn ... */
const STEPS_PER_EPOCH_MIN = 200;
/** ... but not smaller than this. */
const BATCH_ROWS_MIN = 32;

export interface EpochProgress {
  /** From 1. */
  readonly epoch: number;
  readonly epochs: number;
  /** Mean log loss over the epoch's batches, dropout applied. */
  readonly loss: number;
  /** Log loss of the validation rows after the epoch; null where there are none. */
  readonly validationLoss: number | null;
  readonly rowsPerSecond: number;
}

export interface FitOptions {
  readonly trainer: Trainer;
  readonly encoding: FeatureEncoding;
  readonly examples: EncodedExamples;
  /** Rows of the set to learn from. */
  readonly fit: Uint32Array;
  /** Rows of the set that choose the best epoch; where empty, the last epoch is taken. */
  readonly validation: Uint32Array;
  /** Ends after this epoch, by which the learning rate has fallen to its floor. */
  readonly lastEpoch: number;
  readonly seed: number;
  readonly onEpoch: (progress: EpochProgress) => void;
}

export interface FittedNetwork {
  readonly network: Network;
  readonly bestEpoch: number;
}

/**
 * Mini-batch training with Adam. Batches are drawn by a generator of the seed, so one seed and one
 * backend give one network.
 * @throws MillraceError TRAINING_DIVERGED
 */
export function fitNetwork(tf: TensorFlow, options: FitOptions): FittedNetwork {
  const { trainer, examples, validation } = options;
  const random = createRandom(options.seed);
  const network = createNetwork(trainer, options.encoding, baseRateOf(examples, options.fit), random);
  const adam = createAdam(parametersOf(network));
  const order = options.fit.slice();
  const batchRows = Math.min(
    trainer.batchRows,
    Math.max(BATCH_ROWS_MIN, Math.floor(order.length / STEPS_PER_EPOCH_MIN)),
  );
  const steps = options.lastEpoch * Math.ceil(order.length / batchRows);
  let step = 0;
  let best: { network: Network; loss: number; epoch: number } | null = null;
  for (let epoch = 1; epoch <= options.lastEpoch; epoch++) {
    const startedAt = performance.now();
    shuffle(order, random);
    let lossSum = 0;
    for (let from = 0; from < order.length; from += batchRows) {
      const rows = order.subarray(from, from + batchRows);
      const masks = dropoutMasks(trainer, rows.length, random);
      const { loss, gradients } = lossAndGradients(tf, network, examples, rows, masks);
      addDecay(network, gradients, trainer.l2);
      adam.step(parametersOf(network), gradients, trainer.learningRate * schedule(step++ / steps));
      lossSum += loss;
    }
    const loss = lossSum / order.length;
    if (!Number.isFinite(loss)) throw diverged(epoch, trainer);
    const validationLoss = validation.length === 0 ? null : validate(tf, network, examples, validation);
    if (validationLoss !== null && (best === null || validationLoss < best.loss)) {
      best = { network: copyNetwork(network), loss: validationLoss, epoch };
    }
    const seconds = (performance.now() - startedAt) / 1_000;
    options.onEpoch({
      epoch,
      epochs: options.lastEpoch,
      loss,
      validationLoss,
      rowsPerSecond: order.length / seconds,
    });
  }
  return best === null
    ? { network, bestEpoch: options.lastEpoch }
    : { network: best.network, bestEpoch: best.epoch };
}

function validate(tf: TensorFlow, network: Network, examples: EncodedExamples, rows: Uint32Array): number {
  const labels = Float32Array.from(rows, (row) => examples.set.labels[row] as number);
  return logLoss(scoreExamples(tf, network, examples, rows), labels);
}

/** Factor of the learning rate after this share of all steps. */
function schedule(done: number): number {
  if (done < WARM_UP_SHARE) return (done + WARM_UP_SHARE / 10) / (WARM_UP_SHARE * 1.1);
  const fallen = (done - WARM_UP_SHARE) / (1 - WARM_UP_SHARE);
  return LEARNING_RATE_FLOOR + (1 - LEARNING_RATE_FLOOR) * 0.5 * (1 + Math.cos(Math.PI * fallen));
}

/** Inverted dropout: what is kept grows by what is dropped, so that serving needs no correction. */
function dropoutMasks(trainer: Trainer, rows: number, random: SeededRandom): Float32Array[] | null {
  if (trainer.kind !== 'mlp' || trainer.dropout === 0) return null;
  // A byte for each unit decides, four from each draw; the kept share is rounded to match.
  const dropped = Math.round(trainer.dropout * 256);
  const kept = 256 / (256 - dropped);
  return trainer.hidden.map((units) => {
    const mask = new Float32Array(rows * units);
    let bits = 0;
    for (let i = 0; i < mask.length; i++) {
      bits = i % 4 === 0 ? random.bits() : bits >>> 8;
      mask[i] = (bits & 255) < dropped ? 0 : kept;
    }
    return mask;
  });
}

/** Adds the gradient of l2 / 2 |w|^2 for tables and weights; biases are free. */
function addDecay(network: Network, gradients: readonly Float32Array[], l2: number): void {
  if (l2 === 0) return;
  const frozenFrom = network.linear
    ? (network.layers[0]?.weights.length ?? 0) - network.embeddings.length
    : Infinity;
  const biases = new Set(network.layers.map(({ bias }) => bias));
  parametersOf(network).forEach((parameter, p) => {
    if (biases.has(parameter)) return;
    const gradient = gradients[p] as Float32Array;
    const end =
      parameter === network.layers[0]?.weights ? Math.min(frozenFrom, parameter.length) : parameter.length;
    for (let i = 0; i < end; i++) gradient[i] = (gradient[i] as number) + l2 * (parameter[i] as number);
  });
}

function baseRateOf(examples: EncodedExamples, rows: Uint32Array): number {
  let positives = 0;
  for (const row of rows) positives += examples.set.labels[row] as number;
  // Half an example each way keeps the logit finite.
  return (positives + 0.5) / (rows.length + 1);
}

function diverged(epoch: number, trainer: Trainer): MillraceError {
  return new MillraceError(
    'TRAINING_DIVERGED',
    `Training diverged in epoch ${epoch}: the loss is not a finite number. Lower the trainer's learning rate ` +
      `(${trainer.learningRate}).`,
  );
}

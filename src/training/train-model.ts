import type { Lineage, ModelSignature, TrainedMetrics } from '../contracts/model-bundle.ts';
import type { TrainingSet } from '../contracts/training-set.ts';
import { isMillraceError } from '../core/millrace-error.ts';
import type { BundleFiles } from '../registry/bundle.ts';
import { bundleFiles } from './bundle-files.ts';
import { scoreChampion, type Champion } from './champion.ts';
import { checkExport, exportMismatch } from './check-export.ts';
import { describeLineage, describeSignature } from './describe-version.ts';
import { encodeExamples, modelInput } from './encode-examples.ts';
import { evaluateModel } from './evaluate-model.ts';
import { exportOnnx } from './export-onnx.ts';
import { fitEncoding } from './feature-encoding.ts';
import { fitNetwork, type EpochProgress } from './fit-network.ts';
import { createGoldenBatch, goldenFeatures } from './golden-batch.ts';
import { scoreExamples } from './network-passes.ts';
import { profileTraining } from './reference-profile.ts';
import { scoreOnnx } from './score-onnx.ts';
import { splitByTime, splitValidation } from './split-by-time.ts';
import type { TensorBackend } from '../tensorflow/tensorflow-backend.ts';
import type { TrainingPlan } from './training-plan.ts';

export type TrainingStage = 'fit' | 'evaluate' | 'refit' | 'export';

export interface TrainingProgress extends Partial<EpochProgress> {
  readonly stage: TrainingStage;
}

export interface TrainOptions {
  readonly set: TrainingSet;
  readonly plan: TrainingPlan;
  readonly backend: TensorBackend;
  readonly champion: Champion | null;
  /** The set holds what was known at this moment, ms since the epoch. */
  readonly dataCut: number;
  readonly trigger: string;
  readonly reason: string;
  readonly onProgress?: (progress: TrainingProgress) => void;
}

export interface TrainedBundle {
  readonly files: BundleFiles;
  readonly signature: ModelSignature;
  readonly metrics: TrainedMetrics;
  readonly lineage: Lineage;
}

/**
 * Trains on the older part of a set, evaluates on the newest beside the champion, then, as the plan
 * says, trains again on all of it with the same settings and as many epochs: what is registered has
 * learned from the newest rows too, and the metrics are those of its twin that has not.
 * Blocks its thread for as long as it takes: see `trainInChild`.
 * @throws MillraceError TRAINING_DATA_INSUFFICIENT, TRAINING_SET_CORRUPT, TRAINING_DIVERGED, TRAINING_EXPORT_MISMATCH
 */
export async function trainModel(options: TrainOptions): Promise<TrainedBundle> {
  const { set, plan } = options;
  const durationsMs: Record<string, number> = {};
  const timed = async <T>(stage: TrainingStage, work: () => T | Promise<T>): Promise<T> => {
    options.onProgress?.({ stage });
    const startedAt = performance.now();
    const result = await work();
    durationsMs[stage] = Math.round(performance.now() - startedAt);
    return result;
  };
  const split = splitByTime(set, plan, options.dataCut);
  const judged = await timed('fit', () => {
    const { fit, validation } = splitValidation(split.training);
    return trainOnce(options, {
      stage: 'fit',
      rows: split.training,
      fit,
      validation,
      lastEpoch: plan.trainer.epochs,
    });
  });
  const evaluated = await timed('evaluate', () => evaluateBoth(options, judged, split.holdout));
  const rows = plan.refit ? split.all : split.training;
  const registered = !plan.refit
    ? judged
    : await timed('refit', () => {
        const validation = new Uint32Array(0);
        return trainOnce(options, {
          stage: 'refit',
          rows,
          fit: rows,
          validation,
          lastEpoch: judged.bestEpoch,
        });
      });
  return timed('export', async () => {
    const { difference } = await scoreBoth(options, registered, split.holdout);
    const { signature, onnx } = registered;
    const input = modelInput(set, signature, split.holdout) as Float32Array;
    const columns = signature.numericNames.length + signature.categories.length;
    const golden = goldenFeatures(input, signature);
    const metrics: TrainedMetrics = {
      candidate: evaluated.candidate,
      champion: evaluated.champion,
      championVersion: evaluated.champion === null ? null : (options.champion?.version ?? null),
      exportParity: Math.max(evaluated.difference, difference),
      ...(evaluated.notCompared === null ? {} : { notCompared: evaluated.notCompared }),
    };
    const lineage = describeLineage(options, split, rows, judged.bestEpoch, durationsMs);
    const profile = profileTraining(
      set,
      rows,
      scoreExamples(options.backend.tf, registered.network, registered.examples, rows),
      plan.monitorWindowMs,
    );
    const goldenBatch = createGoldenBatch(golden, await scoreOnnx(onnx, golden, columns));
    return {
      files: bundleFiles({ graph: { role: 'model.onnx', bytes: onnx }, signature, profile, goldenBatch, metrics, lineage }),
      signature,
      metrics,
      lineage,
    };
  });
}

/** Candidate and champion on the same rows; where these can't be had, the candidate on the whole hold-out. */
async function evaluateBoth(options: TrainOptions, judged: Trained, holdout: Uint32Array) {
  const { set, plan } = options;
  const { rows, scores: compared, notCompared } = await scoreChampion(set, plan, options.champion, holdout);
  const { scores, difference } = await scoreBoth(options, judged, rows);
  return {
    candidate: evaluateModel(set, rows, scores, plan.segments),
    champion: compared === null ? null : evaluateModel(set, rows, compared, plan.segments),
    notCompared,
    difference,
  };
}

interface Round {
  readonly stage: 'fit' | 'refit';
  /** Rows that the encoding is learned from. */
  readonly rows: Uint32Array;
  readonly fit: Uint32Array;
  readonly validation: Uint32Array;
  readonly lastEpoch: number;
}

type Trained = ReturnType<typeof trainOnce>;

function trainOnce({ set, plan, backend, onProgress }: TrainOptions, round: Round) {
  const encoding = fitEncoding(set, round.rows);
  const signature = describeSignature(set, plan, encoding);
  const examples = encodeExamples(set, encoding);
  const { network, bestEpoch } = fitNetwork(backend.tf, {
    trainer: plan.trainer,
    encoding,
    examples,
    fit: round.fit,
    validation: round.validation,
    lastEpoch: round.lastEpoch,
    seed: plan.seed,
    onEpoch: (progress) => onProgress?.({ stage: round.stage, ...progress }),
  });
  return { network, bestEpoch, examples, signature, onnx: exportOnnx(network, encoding, signature) };
}

/** Scores by ONNX Runtime, which is what serves, checked against TensorFlow.js. */
async function scoreBoth(
  { set, plan, backend }: TrainOptions,
  { network, examples, signature, onnx }: Trained,
  rows: Uint32Array,
): Promise<{ scores: Float32Array; difference: number }> {
  const input = modelInput(set, signature, rows) as Float32Array;
  const scores = await scoreOnnx(onnx, input, signature.numericNames.length + signature.categories.length).catch((error: unknown) => {
    throw isMillraceError(error) && error.code === 'SERVING_SCORE_INVALID' ? exportMismatch(plan.model, error.message, error.details) : error;
  });
  const trained = scoreExamples(backend.tf, network, examples, rows);
  return { scores, difference: checkExport(plan.model, trained, scores) };
}

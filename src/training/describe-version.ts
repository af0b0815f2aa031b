import type { Lineage, ModelSignature } from '../contracts/model-bundle.ts';
import type { TrainingSet } from '../contracts/training-set.ts';
import { MillraceError } from '../core/millrace-error.ts';
import { numberWidth, type FeatureEncoding } from './feature-encoding.ts';
import type { TimeSplit } from './split-by-time.ts';
import type { BackendName } from '../tensorflow/tensorflow-backend.ts';
import type { TrainingPlan } from './training-plan.ts';

/**
 * What the network takes and gives.
 * @throws MillraceError TRAINING_DATA_INSUFFICIENT where no column carries anything to learn from
 */
export function describeSignature(
  set: TrainingSet,
  plan: TrainingPlan,
  encoding: FeatureEncoding,
): ModelSignature {
  if (numberWidth(encoding) + encoding.categories.length === 0) {
    throw new MillraceError(
      'TRAINING_DATA_INSUFFICIENT',
      `Model '${plan.model}': none of the ${set.numericNames.length} features varies over the training part, so there is ` +
        'nothing to learn from. Check that the feature views of its service are filled.',
    );
  }
  return {
    model: plan.model,
    task: plan.task,
    featureService: plan.featureService,
    serviceDigest: set.serviceDigest,
    viewVersions: plan.viewVersions,
    ...(Object.keys(plan.onDemand).length === 0 ? {} : { onDemand: plan.onDemand }),
    numericNames: set.numericNames,
    categories: encoding.categories,
    batchRowsMax: plan.batchRowsMax,
    threshold: plan.threshold,
  };
}

export interface LineageFacts {
  readonly set: TrainingSet;
  readonly plan: TrainingPlan;
  readonly backend: { readonly name: BackendName };
  readonly dataCut: number;
  readonly trigger: string;
  readonly reason: string;
}

/** Where a version comes from; `registeredRows` are those that the registered network learned from. */
export function describeLineage(
  { set, plan, backend, dataCut, trigger, reason }: LineageFacts,
  split: TimeSplit,
  registeredRows: Uint32Array,
  bestEpoch: number,
  durationsMs: Readonly<Record<string, number>>,
): Lineage {
  const decidedAt = (rows: Uint32Array, at: number): number =>
    set.decisionTimes[rows.at(at) as number] as number;
  return {
    trigger,
    reason,
    dataCut,
    trainingFrom: decidedAt(split.training, 0),
    trainingTo: decidedAt(split.training, -1),
    holdoutFrom: split.holdoutFrom,
    trainingRows: split.training.length,
    holdoutRows: split.holdout.length,
    backend: backend.name,
    trainer: {
      ...plan.trainer,
      bestEpoch,
      // What is registered, where it is not the evaluated network itself.
      refit: plan.refit ? { rows: registeredRows.length, to: decidedAt(registeredRows, -1) } : null,
    },
    seed: plan.seed,
    durationsMs,
  };
}

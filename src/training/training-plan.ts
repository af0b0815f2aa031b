import { assertInvariant } from '../core/assert-invariant.ts';
import { parseDuration } from '../core/duration.ts';
import type { Model, Trainer } from '../define/model.ts';

/** Largest batch that a version serves at once, where its definition asks for none that is larger. */
export const MODEL_BATCH_ROWS_MAX = 512;
/** The score is a probability, and both mistakes cost the same. */
export const THRESHOLD_DEFAULT = 0.5;

/** What training needs of a model's definition; plain data, so that it can cross to another process. */
export interface TrainingPlan {
  readonly model: string;
  readonly task: 'binary_classification';
  readonly featureService: string;
  /** View name -> version that the rows were made with. */
  readonly viewVersions: Readonly<Record<string, number>>;
  readonly trainer: Trainer;
  /** Examples decided earlier than this before the data cut are left out; null: none are. */
  readonly trainingWindowMs: number | null;
  readonly holdoutMs: number;
  readonly gapMs: number;
  /** Length of the windows that monitoring will compare with the reference. */
  readonly monitorWindowMs: number;
  /** Names of category columns. */
  readonly segments: readonly string[];
  readonly batchRowsMax: number;
  readonly threshold: number;
  readonly seed: number;
  /** After the evaluation, train again on all rows and register that network. */
  readonly refit: boolean;
}

/** The plan of a checked definition. */
export function planTraining(model: Model): TrainingPlan {
  return {
    model: model.name,
    task: model.task,
    featureService: model.service.name,
    viewVersions: Object.fromEntries(model.service.views.map((view) => [view.name, view.version])),
    trainer: model.trainer,
    trainingWindowMs: model.trainingWindow === null ? null : milliseconds(model.trainingWindow),
    holdoutMs: milliseconds(model.split.holdout),
    gapMs: milliseconds(model.split.gap),
    monitorWindowMs: milliseconds(model.monitor.window),
    segments: model.segments,
    batchRowsMax: Math.max(MODEL_BATCH_ROWS_MAX, model.serving?.batchRowsMax ?? 0),
    threshold: THRESHOLD_DEFAULT,
    seed: model.seed,
    refit: true,
  };
}

function milliseconds(text: string): number {
  const ms = parseDuration(text);
  assertInvariant(ms !== undefined, `'${text}' passed the project's checks as a duration`);
  return ms;
}

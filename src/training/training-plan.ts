import { assertInvariant } from '../core/assert-invariant.ts';
import { parseDuration } from '../core/duration.ts';
import type { JsonValue } from '../core/json.ts';
import type { FeatureService } from '../define/feature-service.ts';
import type { FeatureView } from '../define/feature-view.ts';
import type { Model, Trainer } from '../define/model.ts';
import type { OnDemandFeature } from '../define/on-demand.ts';

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
  /** On-demand feature -> what it is made of, its code aside. */
  readonly onDemand: Readonly<Record<string, JsonValue>>;
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
    viewVersions: Object.fromEntries(viewsOf(model.service).map((view) => [view.name, view.version])),
    onDemand: Object.fromEntries(model.service.onDemand.map((feature) => [feature.name, madeOf(feature)])),
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

/** Those that only on-demand features read count: their versions change a row too. */
const viewsOf = ({ views, onDemand }: FeatureService): readonly FeatureView[] => [...views, ...onDemand.flatMap((feature) => Object.values(feature.views))];

const madeOf = ({ views, request }: OnDemandFeature): JsonValue => ({
  views: Object.fromEntries(Object.entries(views).map(([alias, view]) => [alias, view.name])),
  request: Object.entries(request).map(([name, { type, nullable }]) => ({ name, type, nullable })),
});

function milliseconds(text: string): number {
  const ms = parseDuration(text);
  assertInvariant(ms !== undefined, `'${text}' passed the project's checks as a duration`);
  return ms;
}

import type { Duration } from '../core/duration.ts';
import type { RolloutPolicy } from '../contracts/lifecycle.ts';
import { SEGMENT_FIELDS_MAX, shadowBoundsDefault } from '../contracts/shadow-comparison.ts';
import type { FeatureService } from './feature-service.ts';
import type { FieldNames, KnownKeys, Schema } from './field.ts';
import type { Source } from './source.ts';

export interface MultilayerPerceptron {
  readonly kind: 'mlp';
  readonly hidden: readonly number[];
  /** Width of the embedding of a category; the default grows with the vocabulary. */
  readonly embeddingSize?: number;
  readonly epochs: number;
  readonly batchRows: number;
  readonly learningRate: number;
  readonly dropout: number;
  readonly l2: number;
}

export interface LogisticRegression {
  readonly kind: 'logistic';
  readonly epochs: number;
  readonly batchRows: number;
  readonly learningRate: number;
  readonly l2: number;
}

export type Trainer = MultilayerPerceptron | LogisticRegression;

export const mlp = (options: Partial<Omit<MultilayerPerceptron, 'kind'>> = {}): MultilayerPerceptron => ({
  kind: 'mlp',
  hidden: [96, 48],
  epochs: 4,
  batchRows: 1024,
  learningRate: 8e-3,
  dropout: 0.3,
  l2: 1e-5,
  ...options,
});

export const logisticRegression = (
  options: Partial<Omit<LogisticRegression, 'kind'>> = {},
): LogisticRegression => ({
  kind: 'logistic',
  epochs: 4,
  batchRows: 1024,
  learningRate: 3e-3,
  l2: 1e-6,
  ...options,
});

export interface MonitorPolicy {
  /** Length of an event-time window that a report covers. */
  readonly window: Duration;
  /** Wait after a window's end, in event time, for labels to mature. */
  readonly labelDelay: Duration;
  /** A feature has drifted with a PSI above it and above that of every window of the training itself. */
  readonly featurePsi: number;
  /** Retrain when at least this many features have drifted. */
  readonly driftedFeatures: number;
  /** Features that drift with the season: reported, but never counted towards a retraining. */
  readonly ignoreDrift: readonly string[];
  readonly predictionPsi: number;
  /** Retrain when a window's log loss exceeds the champion's hold-out log loss by more than this. */
  readonly logLossIncrease: number;
  /** Retrain when this many labels came since the champion was trained; null: never for that reason. */
  readonly newLabels: number | null;
  /** Event time between two retrainings. */
  readonly coolDown: Duration;
  /** Wall-clock interval of the schedule. */
  readonly every: Duration;
}

/** Audits of what was served, on a schedule. */
export interface AuditPolicy {
  /** Wall-clock interval of the schedule. */
  readonly every: Duration;
  /** Decisions that are drawn at random of those that came since the audit before. */
  readonly sample: number;
}

/** Where scores are kept for rows that come again. */
export const cacheKinds = ['off', 'memory', 'redis'] as const;
export type CacheKind = (typeof cacheKinds)[number];

/** How serving processes batch, run and cache a model. What is left out is as a process is set. */
export interface ServingPolicy {
  /** Rows of one batch at most; a version's own limit holds where it is smaller. */
  readonly batchRowsMax?: number;
  /** Wait of a batch that is not full although a session is idle, for GPUs. */
  readonly minimumWait?: Duration;
  /** Sizes of a batch, ascending, that end the wait early. */
  readonly preferredRows?: readonly number[];
  /** Rows that may wait, per version and process. */
  readonly queueRowsMax?: number;
  /** Sessions of one version in one process, each in a process of its own where there are several; 1, where absent. */
  readonly instances?: number;
  /** Threads of one session; 1, where absent. */
  readonly threads?: number;
  readonly cache?: CacheKind;
  /** Rows that the cache holds in memory, per version and process. */
  readonly cacheRowsMax?: number;
  /** Time of a score in the cache. */
  readonly cacheTtl?: Duration;
}

export interface Model<Name extends string = string> {
  readonly kind: 'model';
  readonly name: Name;
  readonly service: FeatureService;
  readonly task: 'binary_classification';
  /** Each event of this source is an example: its fields make the request. */
  readonly examples: {
    readonly source: Source;
    /** Field that the label's event carries too. */
    readonly id: string;
    readonly decisionTime: { readonly field: string; readonly offset: string };
  };
  readonly label: {
    readonly source: Source;
    readonly id: string;
    /** Boolean field; null means that the example has no label. */
    readonly value: string;
  };
  readonly trainer: Trainer;
  /** Examples older than this before the data cut are left out; null: all. */
  readonly trainingWindow: Duration | null;
  /** The newest part is the hold-out; `gap` of event time before it is left out. */
  readonly split: { readonly holdout: Duration; readonly gap: Duration };
  /** Category or request fields by which evaluation is cut. */
  readonly segments: readonly string[];
  readonly monitor: MonitorPolicy;
  readonly rollout: RolloutPolicy;
  /** Absent: all of it as the processes are set. */
  readonly serving?: ServingPolicy;
  /** Null: audited only when asked. */
  readonly audit: AuditPolicy | null;
  readonly seed: number;
}

export const rolloutPolicyDefault: RolloutPolicy = {
  shadowDecisions: 1_000,
  canaryShares: [0.1, 0.5],
  outcomesPerStep: 200,
  stepTimeoutMs: 3_600_000,
  pollIntervalMs: 5_000,
  maxLogLossIncrease: 0.002,
  maxErrorRate: 0.001,
  maxLatencyRatio: 3,
  maxMeanScoreDifference: 0.15,
  maxCanaryLogLossIncrease: 0.05,
  requireApproval: false,
  requireCertificate: false,
  ...shadowBoundsDefault,
};

export const monitorPolicyDefault: MonitorPolicy = {
  window: '7d',
  labelDelay: '1d',
  featurePsi: 0.25,
  driftedFeatures: 5,
  ignoreDrift: [],
  predictionPsi: 0.25,
  logLossIncrease: 0.03,
  newLabels: null,
  coolDown: '14d',
  every: '1m',
};

export function model<
  const Name extends string,
  Request extends Schema,
  E extends Schema,
  L extends Schema,
>(definition: {
  name: Name;
  service: FeatureService<string, Request>;
  examples: {
    source: Source<string, E>;
    id: FieldNames<E, 'string'>;
    decisionTime: { field: FieldNames<E, 'timestamp'>; offset?: Duration | `-${Duration}` };
  };
  label: { source: Source<string, L>; id: FieldNames<L, 'string'>; value: FieldNames<L, 'boolean'> };
  trainer?: Trainer;
  trainingWindow?: Duration | null;
  split?: Partial<Model['split']>;
  segments?: readonly KnownKeys<Request>[];
  monitor?: Partial<MonitorPolicy>;
  /** Its `segments` are the first of the model's where it names none. */
  rollout?: Partial<Omit<RolloutPolicy, 'segments'>> & { readonly segments?: readonly KnownKeys<Request>[] };
  serving?: ServingPolicy;
  audit?: AuditPolicy;
  seed?: number;
}): Model<Name> {
  const { examples, label, segments = [] } = definition;
  return {
    kind: 'model',
    name: definition.name,
    service: definition.service,
    task: 'binary_classification',
    examples: {
      source: examples.source,
      id: examples.id,
      decisionTime: { field: examples.decisionTime.field, offset: examples.decisionTime.offset ?? '0s' },
    },
    label: { source: label.source, id: label.id, value: label.value },
    trainer: definition.trainer ?? mlp(),
    trainingWindow: definition.trainingWindow ?? null,
    split: { holdout: '14d', gap: '1d', ...definition.split },
    segments,
    monitor: { ...monitorPolicyDefault, ...definition.monitor },
    rollout: { ...rolloutPolicyDefault, segments: segments.slice(0, SEGMENT_FIELDS_MAX), ...definition.rollout },
    ...(definition.serving === undefined ? {} : { serving: definition.serving }),
    audit: definition.audit ?? null,
    seed: definition.seed ?? 1,
  };
}

import type { Allocation } from './allocation.ts';
import type { ExperimentCommand } from './experiment.ts';
import type { RefusedReplay, ReplayRequest } from './replay-request.ts';
import type { ShadowBounds, ShadowComparison } from './shadow-comparison.ts';

/** What the ids of all rollouts of a model begin with. */
export const rolloutWorkflowPrefix = (namespace: string, model: string): string => `${namespace}/rollout-model/${model}/`;

/** Workflow types are the exported functions' names; ids are the type in kebab-case and the business key. */
export const workflowIds = {
  modelLifecycle: (namespace: string, model: string) => `${namespace}/model-lifecycle/${model}`,
  trainModel: (namespace: string, model: string, cycle: number) => `${namespace}/train-model/${model}/${cycle}`,
  rolloutModel: (namespace: string, model: string, version: number, cycle: number) =>
    `${rolloutWorkflowPrefix(namespace, model)}${version}/${cycle}`,
  monitorModel: (namespace: string, model: string) => `${namespace}/monitor-model/${model}`,
  monitorSchedule: (namespace: string, model: string) => `${namespace}/monitor-schedule/${model}`,
  /** `what` tells audits of one model apart: its schedule's, a rollout's, an operator's. */
  auditSkew: (namespace: string, model: string, what: string) => `${namespace}/audit-skew/${model}/${what}`,
  auditSchedule: (namespace: string, model: string) => `${namespace}/audit-schedule/${model}`,
  ingestion: (namespace: string) => `${namespace}/ingestion`,
  exportLog: (namespace: string, source: string) => `${namespace}/export-log/${source}`,
  exportLogSchedule: (namespace: string, source: string) => `${namespace}/export-log-schedule/${source}`,
  materializeFeatures: (namespace: string, view: string) => `${namespace}/materialize-features/${view}`,
  backfillFeatures: (namespace: string, view: string, version: number) =>
    `${namespace}/backfill-features/${view}/${version}`,
  /** One at a time for a file that is written. */
  readHistorical: (namespace: string, out: string) => `${namespace}/read-historical/${out}`,
} as const;

/** Search attributes of every Millrace workflow, all of type Keyword. */
export const searchAttributes = {
  model: 'MillraceModel',
  version: 'MillraceVersion',
  trigger: 'MillraceTrigger',
  verdict: 'MillraceVerdict',
  phase: 'MillracePhase',
  view: 'MillraceView',
} as const;

export type LifecyclePhase = 'idle' | 'training' | 'rolling-out' | 'rolling-back' | 'experimenting' | 'paused' | 'awaiting-approval';

/** Why a retraining was asked for. */
export const triggerKinds = ['first', 'manual', 'feature-drift', 'prediction-drift', 'metric-degraded', 'new-labels'] as const;
export type TriggerKind = (typeof triggerKinds)[number];

export interface RetrainRequest {
  readonly trigger: TriggerKind;
  readonly reason: string;
  readonly requestedBy: string;
  /** Data cut: the moment, in event time, as of which training reads; null is the newest known time. */
  readonly dataCut: number | null;
}

export interface PromoteRequest {
  readonly version: number;
  readonly requestedBy: string;
  readonly reason: string;
}

/** A registered version is to go through the steps of the policy, as one that was just trained. */
export interface RolloutRequest {
  readonly version: number;
  readonly requestedBy: string;
  readonly reason: string;
  /** Of a training whose rollout had to wait; absent: an operator asked. */
  readonly trigger?: TriggerKind;
}

export interface RollbackRequest {
  /** null: the champion before this one. */
  readonly toVersion: number | null;
  readonly requestedBy: string;
  readonly reason: string;
}

export interface OperatorNote {
  readonly requestedBy: string;
  readonly reason: string;
}

export interface LifecycleInput {
  readonly namespace: string;
  readonly model: string;
  readonly policy: RolloutPolicy;
  readonly carried?: LifecycleCarried;
}

/** What survives continue-as-new. */
export interface LifecycleCarried {
  readonly cycle: number;
  readonly paused: boolean;
  readonly history: readonly LifecycleEvent[];
  readonly pendingRetrain: RetrainRequest | null;
  /** Absent: none. */
  readonly pendingRollout?: RolloutRequest | null;
  /** Commands that came while the old run was ending. */
  readonly commands: readonly LifecycleCommand[];
}

/** What an operator asked for that changes production. */
export type LifecycleCommand =
  | ({ readonly kind: 'promote' } & PromoteRequest)
  | ({ readonly kind: 'rollback' } & RollbackRequest)
  | ExperimentCommand;

export interface LifecycleEvent {
  readonly at: number;
  readonly what: string;
  readonly version: number | null;
  readonly why: string;
}

export interface LifecycleState {
  readonly model: string;
  readonly phase: LifecyclePhase;
  readonly allocation: Allocation | null;
  readonly cycle: number;
  readonly candidate: number | null;
  readonly lastDecision: LifecycleEvent | null;
}

export const lifecycleSignals = {
  retrain: 'retrain',
  promote: 'promote',
  rollout: 'rollout',
  rollback: 'rollback',
  pause: 'pause',
  resume: 'resume',
  approve: 'approve',
  startExperiment: 'startExperiment',
  changeExperiment: 'changeExperiment',
  endExperiment: 'endExperiment',
  /** The policy as the project has it now; sent whenever the project is applied. */
  configure: 'configure',
  /** From a child to its lifecycle: how far it is. Not for operators. */
  progress: 'progress',
} as const;
/** Signals of a rollout; its lifecycle sends them. */
export const rolloutSignals = { approve: 'approve', abort: 'abort' } as const;
/** How the shadow's answers compare with the champion's, as last seen; null before. */
export const rolloutQueries = { comparison: 'comparison' } as const;
export const lifecycleQueries = { state: 'state', history: 'history' } as const;

/** A child's report to its lifecycle. */
export interface LifecycleProgress {
  readonly phase: LifecyclePhase;
  readonly version: number | null;
  readonly what: string;
  readonly why: string;
}

/** How a version earns its traffic. All counts are decisions or outcomes, never wall time, so that replay and live agree. */
export interface RolloutPolicy extends Partial<ShadowBounds> {
  /** Decisions that the shadow must answer before the canary. */
  readonly shadowDecisions: number;
  /** Shares of the traffic, ascending, each below 1. */
  readonly canaryShares: readonly number[];
  /** Matured outcomes of the canary wanted at each step. */
  readonly outcomesPerStep: number;
  /** Give up a step that has not got its data after this long (wall clock): the verdict is then `inconclusive`. */
  readonly stepTimeoutMs: number;
  readonly pollIntervalMs: number;
  /** A candidate is refused before rollout if its hold-out log loss exceeds the champion's by more than this. */
  readonly maxLogLossIncrease: number;
  /** Breach bounds during rollout, candidate against champion. */
  readonly maxErrorRate: number;
  readonly maxLatencyRatio: number;
  readonly maxMeanScoreDifference: number;
  readonly maxCanaryLogLossIncrease: number;
  readonly requireApproval: boolean;
  /** Promote only what an audit of the candidate's canary decisions found no mismatch in. */
  readonly requireCertificate: boolean;
}

/** One step of a rollout with a candidate beside a champion. */
export type RolloutStage = { readonly kind: 'shadow' } | { readonly kind: 'canary'; readonly share: number };

export type Verdict = 'promoted' | 'refused' | 'rolled-back' | 'inconclusive' | 'cancelled';

export interface TrainInput {
  readonly namespace: string;
  readonly model: string;
  readonly cycle: number;
  readonly request: RetrainRequest;
  /** The candidate is refused if its hold-out log loss exceeds the champion's by more than this. */
  readonly maxLogLossIncrease: number;
}

export interface TrainOutcome {
  readonly training: TrainResult;
  /** Why the candidate is not to be rolled out; null where it may be. */
  readonly refusal: string | null;
}

export interface TrainResult {
  readonly version: number;
  readonly digest: string;
  /** True where the same bundle was registered before. */
  readonly existed: boolean;
  /** On the hold-out; null: never evaluated, as an imported version may be. */
  readonly candidateLogLoss: number | null;
  readonly championLogLoss: number | null;
  readonly candidateAuc: number | null;
  readonly championAuc: number | null;
  /** Why there are no figures of a champion; absent where there are, or there was none. */
  readonly notCompared?: string;
}

export interface RolloutInput {
  readonly namespace: string;
  readonly model: string;
  readonly version: number;
  readonly champion: number | null;
  readonly trigger: TriggerKind;
  readonly policy: RolloutPolicy;
  readonly training: TrainResult;
}

export interface RolloutResult {
  readonly verdict: Verdict;
  readonly version: number;
  readonly reason: string;
}

/** Outcomes of decisions that both versions scored. */
export interface PairedOutcomes {
  readonly outcomes: number;
  readonly candidateLogLoss: number;
  readonly championLogLoss: number;
  /** Of the mean difference; null for one outcome. */
  readonly logLossStandardError: number | null;
}

/** What the judge sees at a step, measured since the step began. */
export interface RolloutEvidence {
  readonly decisions: number;
  readonly shadowAnswers: number;
  readonly candidateDecisions: number;
  readonly candidateOutcomes: number;
  /** Those that the candidate's are compared with; absent, as are the next two, in what an earlier release measured. */
  readonly championDecisions?: number;
  readonly championOutcomes?: number;
  /** Standard error of the difference of mean scores; null where a side has less than two. */
  readonly meanScoreStandardError?: number | null;
  readonly candidateErrors: number;
  /** The highest count of failed answers by process that was seen; absent in what an earlier release measured. */
  readonly errorsSeen?: Readonly<Record<string, number>>;
  /** Over the step's seconds, but for the quarter with the slowest answer of either version; null while there are less than four. */
  readonly candidateLatencyP95Ms: number | null;
  readonly championLatencyP95Ms: number | null;
  readonly meanScoreDifference: number | null;
  readonly candidateLogLoss: number | null;
  /** The champion's log loss over the same period's outcomes. */
  readonly championLogLoss: number | null;
  /** Standard error of the difference of the two log losses. */
  readonly logLossStandardError: number | null;
  /** Of a shadow, with its furthest segments; absent in what an earlier release measured. */
  readonly comparison?: ShadowComparison | null;
  /** Of a canary whose rollout had a shadow: what has become known of the shadow's decisions. Absent in what an earlier release measured. */
  readonly paired?: PairedOutcomes | null;
}

export interface IngestionInput {
  readonly namespace: string;
  /** Fold and ingest members to run. */
  readonly members: number;
  /** Whether the project has derived sources; absent: it has none. */
  readonly derives?: boolean;
  readonly carried?: IngestionCarried;
}

/** What survives continue-as-new. */
export interface IngestionCarried {
  readonly paused: boolean;
  readonly restarts: number;
  readonly replays: readonly ReplayRequest[];
  /** Absent: none. */
  readonly refusals?: readonly RefusedReplay[];
}

/** What a project wants of its ingestion, told whenever its processes start. */
export type IngestionConfiguration = Required<Pick<IngestionInput, 'derives'>>;

export const ingestionSignals = {
  pause: 'pause',
  resume: 'resume',
  replay: 'replay',
  configure: 'configure',
} as const;
export const ingestionQueries = { status: 'status' } as const;

export interface IngestionStatus {
  readonly paused: boolean;
  readonly running: readonly string[];
  readonly restarts: number;
  readonly lag: Readonly<Record<string, number>>;
  /** Newest last; absent in what an earlier release answers. */
  readonly refusals?: readonly RefusedReplay[];
}

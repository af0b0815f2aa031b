import type { Allocation } from './allocation.ts';
import type { PlannedExperiment } from './experiment.ts';
import type { AuditCursor, AuditPlan, AuditScope, AuditTally } from './audit.ts';
import type {
  RetrainRequest,
  RolloutEvidence,
  RolloutPolicy,
  RolloutStage,
  TrainResult,
} from './lifecycle.ts';
import type { MonitorResult } from './monitor.ts';

/** Reference to a file of the artifact store: payloads stay small, bytes travel by digest. */
export interface ArtifactReference {
  readonly sha256: string;
  readonly bytes: number;
}

export interface TrainingActivities {
  buildTrainingSet(input: { model: string; dataCut: number | null }): Promise<{
    trainingSet: ArtifactReference;
    rows: number;
    dataCut: number;
    /** View name -> version that the rows are made of. */
    viewVersions?: Readonly<Record<string, number>>;
  }>;
  /** Train, export, evaluate beside the champion, register. Never changes what serves. */
  trainAndRegister(input: {
    model: string;
    request: RetrainRequest;
    trainingSet: ArtifactReference;
    dataCut: number;
    viewVersions?: Readonly<Record<string, number>>;
  }): Promise<TrainResult>;
}

export interface RegistryActivities {
  getAllocation(input: { model: string }): Promise<Allocation | null>;
  /**
   * Compare-and-set on the revision; a lost race is an error with code REGISTRY_REVISION_CONFLICT.
   * Writing the same change twice (a retried activity) answers the present allocation.
   */
  setAllocation(input: {
    model: string;
    expectedRevision: number | null;
    champion: number | null;
    canary: { version: number; share: number } | null;
    shadow: number | null;
    /** Absent: none. A change without the one that ran ends it. */
    experiment?: PlannedExperiment | null;
    /** Of an experiment that the change ends: the arm that won. */
    winner?: string | null;
    actor: string;
    action: string;
    reason: string;
  }): Promise<Allocation>;
  /** The champion before the present one that was not rolled back, or null. */
  previousChampion(input: { model: string }): Promise<number | null>;
  recordLedger(input: {
    model: string;
    version: number | null;
    actor: string;
    action: string;
    reason: string;
    details: Record<string, string | number | null>;
  }): Promise<void>;
  /** A registered version that is to be rolled out, as a training would have told of it. Fails with MODEL_VERSION_NOT_FOUND, REQUEST_INVALID. */
  describeVersion(input: { model: string; version: number }): Promise<TrainResult>;
  /** Fails with MODEL_VERSION_NOT_FOUND. */
  assertVersion(input: { model: string; version: number }): Promise<void>;
}

/** Where a step began: what happened before does not count for it. */
export interface StepBeginning {
  /** Newest sequence number of the decision log. */
  readonly since: number;
  /** Failed answers of the candidate so far, over the serving processes. */
  readonly errorsBefore: number;
  /** The same by process; absent where an earlier release began the step. */
  readonly errorsByProcess?: Readonly<Record<string, number>>;
}

export interface RolloutActivities {
  beginStep(input: { model: string; candidate: number }): Promise<StepBeginning>;
  /**
   * Polls until the judge has something to say other than "continue" or `waitMs` have passed, so that
   * a long step leaves few events in the workflow's history.
   */
  gatherEvidence(
    input: StepBeginning & {
      model: string;
      candidate: number;
      champion: number;
      stage: RolloutStage;
      policy: RolloutPolicy;
      waitMs: number;
      /** Where the shadow of the rollout began; absent: it had none, or an earlier release asks. */
      shadowSince?: number;
      /** What the look before saw of them; absent: this is the first. */
      errorsSeen?: Readonly<Record<string, number>>;
    },
  ): Promise<RolloutEvidence>;
  /**
   * Resolves when every live serving process follows the revision and has loaded the version. Fails with
   * SERVING_VERSION_REJECTED and its reason, or SERVING_NOT_REPORTING where nobody serves the model.
   */
  awaitServing(input: { model: string; version: number; revision: number }): Promise<void>;
}

export interface MonitorActivities {
  /**
   * Evaluates every event-time window that closed since the last report and stores the reports. Answers
   * the trigger that the lifecycle has not been told of yet, from this run or from one that was cut off.
   */
  monitorClosedWindows(input: { model: string }): Promise<MonitorResult>;
  /** The lifecycle has heard of every trigger up to this data cut. */
  acknowledgeTrigger(input: { model: string; dataCut: number }): Promise<void>;
}

export interface AuditActivities {
  /** Fixes the decisions of an audit; the same seed draws the same sample of the same decisions. */
  planAudit(input: { model: string; scope: AuditScope; seed: string }): Promise<AuditPlan>;
  /** Audits the next decisions after the cursor, heartbeating; a null cursor says that there are no more. */
  auditChunk(input: {
    model: string;
    scope: AuditScope;
    plan: AuditPlan;
    cursor: AuditCursor | null;
    chain: string;
    decisionsMax: number;
  }): Promise<{ tally: AuditTally; cursor: AuditCursor | null }>;
  /** Stores the certificate and its ledger entry; the same run key twice stores them once. */
  certifyAudit(input: {
    runKey: string;
    model: string;
    scope: AuditScope;
    plan: AuditPlan;
    tally: AuditTally;
    actor: string;
    requestedBy: string;
  }): Promise<{ certificate: number; digest: string }>;
}

export interface StreamActivities {
  /** Runs until cancelled, heartbeating its progress. */
  runIngest(input: { member: number }): Promise<void>;
  runFold(input: { member: number }): Promise<void>;
  /** Makes the events of all derived sources. */
  runDerive(input: { member: number }): Promise<void>;
  runDecisionSink(input: { member: number }): Promise<void>;
  streamLag(input: Record<string, never>): Promise<Record<string, number>>;
  /** Sets the ingest positions of the named source back to the first event known at or after `fromKnownTime`. */
  rewindIngest(input: { source: string; fromKnownTime: number }): Promise<void>;
}

export interface MaterializeActivities {
  /**
   * Rebuilds states of view partitions from the offline log, in one pass over it; a retry starts them over. `busy`: of
   * these, the ones that somebody else rebuilds.
   */
  materializePartitions(input: { view: string; version: number; partitions: readonly number[] }): Promise<{
    keys: number;
    events: number;
    busy: readonly number[];
  }>;
  /** One of them, for runs that began before a pass served all. */
  materializePartition(input: { view: string; version: number; partition: number }): Promise<{ keys: number; events: number }>;
  viewPartitions(input: { view: string; version: number }): Promise<{ partitions: number }>;
}

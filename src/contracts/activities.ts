import type { Allocation } from './allocation.ts';
import type {
  MonitorResult,
  RetrainRequest,
  RolloutEvidence,
  TrainResult,
} from './lifecycle.ts';

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
  }>;
  /** Train, export, evaluate beside the champion, register. Never changes what serves. */
  trainAndRegister(input: {
    model: string;
    request: RetrainRequest;
    trainingSet: ArtifactReference;
    dataCut: number;
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
  /** Fails with MODEL_VERSION_NOT_FOUND. */
  assertVersion(input: { model: string; version: number }): Promise<void>;
}

export interface RolloutActivities {
  /** Event-time position of the decision log: evidence of a step counts from here. */
  beginStep(input: { model: string }): Promise<{ since: number }>;
  /** `since` is a decision-log sequence number. */
  gatherEvidence(input: {
    model: string;
    candidate: number;
    champion: number | null;
    since: number;
  }): Promise<RolloutEvidence>;
  /** Resolves when every serving process has loaded the version, or fails with SERVING_VERSION_REJECTED and its reason. */
  awaitServing(input: { model: string; version: number; revision: number }): Promise<void>;
}

export interface MonitorActivities {
  /** Evaluates every event-time window that closed since the last report and stores the reports. */
  monitorClosedWindows(input: { model: string }): Promise<MonitorResult>;
}

export interface StreamActivities {
  /** Runs until cancelled, heartbeating its progress. */
  runIngest(input: { member: number }): Promise<void>;
  runFold(input: { member: number }): Promise<void>;
  runDecisionSink(input: { member: number }): Promise<void>;
  streamLag(input: Record<string, never>): Promise<Record<string, number>>;
  /** Sets the ingest positions of the named source back to the first event known at or after `fromKnownTime`. */
  rewindIngest(input: { source: string; fromKnownTime: number }): Promise<void>;
}

export interface MaterializeActivities {
  /** Rebuilds one fold partition's states from the offline log, resumable by heartbeat. */
  materializePartition(input: { view: string; version: number; partition: number }): Promise<{
    keys: number;
    events: number;
  }>;
  viewPartitions(input: { view: string; version: number }): Promise<{ partitions: number }>;
}

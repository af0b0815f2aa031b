import type { Allocation } from '../contracts/allocation.ts';
import type { ChangeExperimentRequest, EndExperimentRequest, StartExperimentRequest } from '../contracts/experiment.ts';
import type { LifecycleEvent, LifecycleState, RetrainRequest, RollbackRequest } from '../contracts/lifecycle.ts';
import type { ExperimentResults } from '../monitoring/experiment-results.ts';
import type { StoredReport } from '../monitoring/monitor-reports.ts';
import type { LedgerEntry } from '../registry/ledger-entry.ts';
import type { SourceBalance } from '../store/event-balance.ts';
import type { AsOfMode } from '../store/as-of/as-of-mode.ts';
import type { OnlineSelection } from '../store/online-catalog.ts';
import type { SourceOffset } from '../store/online-store.ts';
import type { ReplayEvent } from '../stream/replayer.ts';
import type { VersionComparison } from './version-comparison.ts';

export interface LifecycleClient {
  /** Null while the lifecycle has not started. */
  lifecycleState(model: string): Promise<LifecycleState | null>;
  lifecycleHistory(model: string): Promise<readonly LifecycleEvent[]>;
  retrain(model: string, request: RetrainRequest): Promise<void>;
  rollback(model: string, request: RollbackRequest): Promise<void>;
  startExperiment(model: string, request: StartExperimentRequest): Promise<void>;
  changeExperiment(model: string, request: ChangeExperimentRequest): Promise<void>;
  endExperiment(model: string, request: EndExperimentRequest): Promise<void>;
}

/** Which features, for which keys at which moments. */
export interface AsOfRead {
  /** A feature service's row, views, or features as `view.feature`, by name. */
  readonly selection: OnlineSelection;
  /** Entity keys, request fields and `asOf` (ms or ISO 8601 with a zone); best in order of time: rows are read in chunks. */
  readonly spine: AsyncIterable<Readonly<Record<string, unknown>>> | Iterable<Readonly<Record<string, unknown>>>;
  /** `known` where absent: what was known at a row's moment. `happened`: late events counted in. */
  readonly mode?: AsOfMode;
  /** What was known later does not exist, ms since the epoch; all that is known, where absent. */
  readonly dataCut?: number;
}

export interface AsOfFeatures {
  /** The row of the spine. */
  readonly entity: Readonly<Record<string, unknown>>;
  readonly features: Readonly<Record<string, number | string | null>>;
}

/** A running Millrace as a program sees it. */
export interface MillraceClient extends LifecycleClient {
  /** Sends events with their known times straight to Kafka; answers the newest position of each source partition. */
  replay(events: readonly ReplayEvent[]): Promise<readonly SourceOffset[]>;
  /** Resolves once every view shows everything up to the positions. @throws MillraceError STORE_NOT_VISIBLE in time */
  waitVisible(positions: readonly SourceOffset[], timeoutMs?: number): Promise<void>;
  eventBalance(): Promise<SourceBalance[]>;
  allocation(model: string): Promise<Allocation | null>;
  /** The newest entries, oldest first. */
  ledger(model: string, limit?: number): Promise<LedgerEntry[]>;
  /** Oldest first. */
  monitorReports(model: string): Promise<StoredReport[]>;
  /** Arms of a model's experiment compared, by name; null: the one that started last. @throws MillraceError EXPERIMENT_NOT_FOUND */
  experimentResults(model: string, experiment?: string | null): Promise<ExperimentResults>;
  /** Decisions that are stored. */
  decisionCount(model: string): Promise<number>;
  /** Lets a version answer every labelled decision's row again, beside what really served. */
  compareWithVersion(model: string, version: number): Promise<VersionComparison>;
  /** Features as of past moments from the offline log, by the fold that serves. @throws MillraceError FEATURE_NOT_FOUND, FEATURE_SPINE_INVALID */
  readAsOf(request: AsOfRead): AsyncIterable<AsOfFeatures>;
  close(): Promise<void>;
}

/**
 * The public API: what a project file, and a program beside it, imports. Everything else is reached
 * through HTTP, Temporal and the command line.
 */
import type { MillraceClient } from './client/millrace-client.ts';
import type { OnlineFeaturesClient, OnlineFeaturesOptions } from './client/connect-online-features.ts';
import type { HistoricalRead } from './client/read-historical.ts';
import type { AsOfManifest } from './store/as-of/as-of-request.ts';
import type { OnlineConnection } from './client/connect-online-store.ts';

export type { Duration } from './core/duration.ts';
export { entity } from './define/entity.ts';
export type { Entity } from './define/entity.ts';
export { boolean, nullable, number, string, timestamp } from './define/field.ts';
export type { Field, FieldType, Row, Schema } from './define/field.ts';
export { derivedSource } from './define/derived-source.ts';
export type { Attachments } from './define/derived-source.ts';
export { source } from './define/source.ts';
export type { Source } from './define/source.ts';
export type { Aggregation, AggregationGroup, AggregationKind, Combination } from './define/aggregation.ts';
export type { Aggregations } from './define/aggregations.ts';
export type { Condition } from './define/condition.ts';
export { featureView } from './define/feature-view.ts';
export type { FeatureView, OnStale } from './define/feature-view.ts';
export { onDemand } from './define/on-demand.ts';
export type { OnDemandFeature } from './define/on-demand.ts';
export { featureService } from './define/feature-service.ts';
export type { FeatureService } from './define/feature-service.ts';
export { logisticRegression, mlp, model } from './define/model.ts';
export type {
  AuditPolicy,
  LogisticRegression,
  Model,
  MonitorPolicy,
  MultilayerPerceptron,
  ServingPolicy,
  Trainer,
} from './define/model.ts';
export type {
  ChangeExperimentRequest,
  EndExperimentRequest,
  Experiment,
  ExperimentArm,
  ExperimentMetric,
  StartExperimentRequest,
} from './contracts/experiment.ts';
export type { LifecyclePhase, LifecycleState, RolloutPolicy } from './contracts/lifecycle.ts';
export { project } from './define/project.ts';
export type { Project } from './define/project.ts';
export type { AsOfFeatures, AsOfRead, MillraceClient } from './client/millrace-client.ts';
export { foldOnline } from './client/fold-online.ts';
export type { OnlineEvent } from './client/fold-online.ts';
export { readOnline } from './client/read-online.ts';
export type { OnlineRead, ServiceRead, ViewsRead } from './client/read-online.ts';
export type { OnlineFeaturesClient, OnlineFeaturesOptions } from './client/connect-online-features.ts';
export type { HistoricalRead } from './client/read-historical.ts';
export type { AsOfManifest } from './store/as-of/as-of-request.ts';
export type { OnlineConnection } from './client/connect-online-store.ts';
export { createMemoryOnlineStore } from './store/memory-online-store.ts';
export type { OnlineViewRead } from './store/online-rows.ts';
export type { OnlineStore } from './store/online-store.ts';
export type { ComparedSlice, VersionComparison } from './client/version-comparison.ts';
export type { ArmResult, ExperimentResults } from './monitoring/experiment-results.ts';
export type { StoredReport } from './monitoring/monitor-reports.ts';
export type { LedgerEntry } from './registry/ledger-entry.ts';
export type { SourceBalance } from './store/event-balance.ts';

/**
 * Connects to a running Millrace. Loaded when it is called: a project file must not bring the drivers of a
 * client into every process.
 * @throws MillraceError CONFIG_INVALID, PROJECT_INVALID, TEMPORAL_UNAVAILABLE, STORE_UNAVAILABLE, STREAM_UNAVAILABLE
 */
export async function connectMillrace(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<MillraceClient> {
  const client = await import('./client/connect.ts');
  return client.connectMillrace(environment);
}

/**
 * Connects to the online store of a running Millrace, for `readOnline`: MILLRACE_REDIS_URL and MILLRACE_NAMESPACE.
 * @throws MillraceError CONFIG_INVALID, STORE_UNAVAILABLE
 */
export async function connectOnlineStore(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<OnlineConnection> {
  const client = await import('./client/connect-online-store.ts');
  return client.connectOnlineStore(environment);
}

/**
 * Reads online features through serving processes, by gRPC: a program that may not reach Redis, or has other views than its own
 * to share round trips with.
 */
export async function connectOnlineFeatures(options: OnlineFeaturesOptions): Promise<OnlineFeaturesClient> {
  const client = await import('./client/connect-online-features.ts');
  return client.connectOnlineFeatures(options);
}

/**
 * Reads features as of past moments for the rows of a file or a query, into a file with a manifest beside it: what
 * `millrace features as-of` does. MILLRACE_POSTGRES_URL names the offline store.
 * @throws MillraceError FEATURE_NOT_FOUND, FEATURE_SPINE_INVALID, FEATURE_READ_DIED, STORE_UNAVAILABLE, STORE_QUERY_FAILED, CONFIG_INVALID
 */
export async function readHistorical(
  environment: Readonly<Record<string, string | undefined>>,
  request: HistoricalRead,
): Promise<AsOfManifest> {
  const client = await import('./client/read-historical.ts');
  return client.readHistorical(environment, request);
}

/**
 * The public API: what a project file, and a program beside it, imports. Everything else is reached
 * through HTTP, Temporal and the command line.
 */
import type { MillraceClient } from './client/millrace-client.ts';

export type { Duration } from './core/duration.ts';
export { entity } from './define/entity.ts';
export type { Entity } from './define/entity.ts';
export { boolean, nullable, number, string, timestamp } from './define/field.ts';
export type { Field, FieldType, Row, Schema } from './define/field.ts';
export { source } from './define/source.ts';
export type { Source } from './define/source.ts';
export type { Aggregation, AggregationGroup, AggregationKind, Combination } from './define/aggregation.ts';
export type { Aggregations } from './define/aggregations.ts';
export type { Condition } from './define/condition.ts';
export { featureView } from './define/feature-view.ts';
export type { FeatureView } from './define/feature-view.ts';
export { onDemand } from './define/on-demand.ts';
export type { OnDemandFeature } from './define/on-demand.ts';
export { featureService } from './define/feature-service.ts';
export type { FeatureService } from './define/feature-service.ts';
export { logisticRegression, mlp, model } from './define/model.ts';
export type {
  LogisticRegression,
  Model,
  MonitorPolicy,
  MultilayerPerceptron,
  Trainer,
} from './define/model.ts';
export type { LifecyclePhase, LifecycleState, RolloutPolicy } from './contracts/lifecycle.ts';
export { project } from './define/project.ts';
export type { Project } from './define/project.ts';
export type { MillraceClient } from './client/millrace-client.ts';
export type { ComparedSlice, VersionComparison } from './client/version-comparison.ts';
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

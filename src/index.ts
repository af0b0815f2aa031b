/**
 * The public API: what a project file, and a program beside it, imports. Everything else is reached
 * through HTTP, Temporal and the command line.
 */
export type { Duration } from './core/duration.ts';
export { entity } from './define/entity.ts';
export type { Entity } from './define/entity.ts';
export { boolean, nullable, number, string, timestamp } from './define/field.ts';
export type { Field, FieldType, Row, Schema } from './define/field.ts';
export { source } from './define/source.ts';
export type { Source } from './define/source.ts';
export type { Aggregation, AggregationKind, Aggregations } from './define/aggregation.ts';
export type { Condition } from './define/condition.ts';
export { featureView } from './define/feature-view.ts';
export type { FeatureView } from './define/feature-view.ts';
export { onDemand } from './define/on-demand.ts';
export type { OnDemandFeature } from './define/on-demand.ts';
export { featureService } from './define/feature-service.ts';
export type { FeatureService } from './define/feature-service.ts';
export { logisticRegression, mlp, model } from './define/model.ts';
export type { LogisticRegression, Model, MonitorPolicy, MultilayerPerceptron, Trainer } from './define/model.ts';
export type { LifecyclePhase, LifecycleState, RolloutPolicy } from './contracts/lifecycle.ts';
export { project } from './define/project.ts';
export type { Project } from './define/project.ts';

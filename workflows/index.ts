/** Every workflow type: the exported functions' names. */
export { auditSkew } from './audit-skew.ts';
export { backfillFeatures } from './backfill-features.ts';
export { exportLog } from './export-log.ts';
export { ingestion } from './ingestion.ts';
export { materializeFeatures } from './materialize-features.ts';
export { modelLifecycle } from './model-lifecycle.ts';
export { monitorModel } from './monitor-model.ts';
export { readHistorical } from './read-historical.ts';
export { rolloutModel } from './rollout-model.ts';
export { trainModel } from './train-model.ts';

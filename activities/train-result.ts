import type { TrainResult } from '../src/contracts/lifecycle.ts';
import type { VersionMetrics } from '../src/contracts/model-bundle.ts';

/** What the lifecycle is told of a registered version. */
export const resultOf = (
  { version, digest }: { readonly version: number; readonly digest: string },
  metrics: VersionMetrics,
  existed: boolean,
): TrainResult => ({
  version,
  digest,
  existed,
  candidateLogLoss: metrics.candidate?.overall.logLoss ?? null,
  championLogLoss: metrics.champion?.overall.logLoss ?? null,
  candidateAuc: metrics.candidate?.overall.auc ?? null,
  championAuc: metrics.champion?.overall.auc ?? null,
  ...(metrics.notCompared === undefined ? {} : { notCompared: metrics.notCompared }),
});

import type { TrainResult } from './lifecycle.ts';

/** Why a trained version is not to be rolled out, or null. Both log losses are of the same hold-out. */
export function judgeCandidate(training: TrainResult, maxLogLossIncrease: number): string | null {
  const { candidateLogLoss: candidate, championLogLoss: champion } = training;
  if (candidate === null || !Number.isFinite(candidate)) return `its hold-out log loss is ${candidate}: the training did not converge`;
  if (champion === null || candidate - champion <= maxLogLossIncrease) return null;
  return `its hold-out log loss ${candidate.toFixed(4)} exceeds the champion's ${champion.toFixed(4)} by more than ${maxLogLossIncrease}`;
}

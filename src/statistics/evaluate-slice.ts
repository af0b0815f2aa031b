import type { SliceMetrics } from '../contracts/model-bundle.ts';
import { brier, expectedCalibrationError, logLoss } from './probability-scores.ts';
import { auc, rankOrder } from './ranking.ts';

/** All metrics of one slice of scored and labelled rows; the labels are 0 or 1. */
export function evaluateSlice(
  slice: string,
  scores: ArrayLike<number>,
  labels: ArrayLike<number>,
): SliceMetrics {
  const rows = scores.length;
  const order = rankOrder(scores);
  let positives = 0;
  let scoreSum = 0;
  for (let i = 0; i < rows; i++) {
    positives += labels[i] as number;
    scoreSum += scores[i] as number;
  }
  return {
    slice,
    rows,
    positives,
    auc: auc(scores, labels, order),
    logLoss: logLoss(scores, labels),
    brier: brier(scores, labels),
    calibrationError: expectedCalibrationError(scores, labels, order),
    meanScore: rows === 0 ? 0 : scoreSum / rows,
    baseRate: rows === 0 ? 0 : positives / rows,
  };
}

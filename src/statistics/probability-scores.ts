import { rankOrder } from './ranking.ts';

/** Scores are taken no closer to 0 or 1 than this, so that one sure mistake costs 16 nats and not infinity. */
export const LOG_LOSS_CLIP = 1e-7;
export const CALIBRATION_BINS = 10;

/** Mean negative log likelihood in nats, scores clipped by `LOG_LOSS_CLIP`; 0 for no rows. */
export function logLoss(scores: ArrayLike<number>, labels: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < scores.length; i++) {
    const score = Math.min(1 - LOG_LOSS_CLIP, Math.max(LOG_LOSS_CLIP, scores[i] as number));
    sum -= labels[i] === 1 ? Math.log(score) : Math.log1p(-score);
  }
  return scores.length === 0 ? 0 : sum / scores.length;
}

/** Mean squared difference of score and label (Brier, 1950); 0 for no rows. */
export function brier(scores: ArrayLike<number>, labels: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < scores.length; i++) sum += ((scores[i] as number) - (labels[i] as number)) ** 2;
  return scores.length === 0 ? 0 : sum / scores.length;
}

/**
 * Expected calibration error: the rows in order of score are cut into `CALIBRATION_BINS` runs of equal
 * length (to a row), and the distance of mean score and share of positives is averaged over the runs by
 * their lengths. Rows of one score share the mean of their labels: the order that they come in says nothing. Source: Naeini et al., Obtaining well calibrated probabilities using Bayesian binning
 * (2015), with equal-count bins as Nixon et al. advise (2019). 0 for no rows.
 */
export function expectedCalibrationError(
  scores: ArrayLike<number>,
  labels: ArrayLike<number>,
  order: Uint32Array = rankOrder(scores),
): number {
  const rows = order.length;
  const expected = labelsByTie(scores, labels, order);
  let distance = 0;
  for (let bin = 0; bin < CALIBRATION_BINS; bin++) {
    const from = Math.floor((bin * rows) / CALIBRATION_BINS);
    const to = Math.floor(((bin + 1) * rows) / CALIBRATION_BINS);
    let difference = 0;
    for (let i = from; i < to; i++) {
      difference += (scores[order[i] as number] as number) - (expected[i] as number);
    }
    distance += Math.abs(difference);
  }
  return rows === 0 ? 0 : distance / rows;
}

/** By place in the order: the mean label of all rows with the score of that place. */
function labelsByTie(scores: ArrayLike<number>, labels: ArrayLike<number>, order: Uint32Array): Float64Array {
  const means = new Float64Array(order.length);
  for (let from = 0; from < order.length;) {
    let to = from;
    let sum = 0;
    // The first without a question: NaN equals not even itself.
    do sum += labels[order[to++] as number] as number;
    while (to < order.length && scores[order[to] as number] === scores[order[from] as number]);
    means.fill(sum / (to - from), from, to);
    from = to;
  }
  return means;
}

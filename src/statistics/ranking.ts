/** Indices of the scores in ascending order of score; equal scores keep their order. */
export function rankOrder(scores: ArrayLike<number>): Uint32Array {
  const order = new Uint32Array(scores.length);
  for (let i = 0; i < order.length; i++) order[i] = i;
  return order.sort((a, b) => (scores[a] as number) - (scores[b] as number) || a - b);
}

/**
 * Area under the ROC curve: the probability that a positive outranks a negative, a tie counting half.
 * Exact, by average ranks (the Mann-Whitney statistic; Hanley and McNeil, 1982). Null where a class is
 * missing, or a score is NaN, which has no rank. `order` may be given where it is known already.
 */
export function auc(
  scores: ArrayLike<number>,
  labels: ArrayLike<number>,
  order: Uint32Array = rankOrder(scores),
): number | null {
  let positives = 0;
  let rankSum = 0;
  for (let from = 0; from < order.length;) {
    const score = scores[order[from] as number] as number;
    // It equals not even itself: no run of ties would end.
    if (Number.isNaN(score)) return null;
    let to = from;
    let inTie = 0;
    while (to < order.length && (scores[order[to] as number] as number) === score) {
      inTie += labels[order[to] as number] as number;
      to++;
    }
    // Ranks from + 1 to `to` share their mean.
    rankSum += inTie * ((from + 1 + to) / 2);
    positives += inTie;
    from = to;
  }
  const negatives = order.length - positives;
  if (positives === 0 || negatives === 0) return null;
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives);
}

/**
 * p-values of one family of tests, each raised so that rejecting where it is below alpha makes a false rejection among all
 * of them no likelier than alpha, whatever their dependence. In the order given. Source: S. Holm, A simple sequentially
 * rejective multiple test procedure, Scandinavian Journal of Statistics 6 (1979).
 */
export function holmAdjusted(pValues: readonly number[]): number[] {
  const order = pValues.map((_, i) => i).sort((a, b) => (pValues[a] as number) - (pValues[b] as number));
  const adjusted = new Array<number>(pValues.length);
  let highest = 0;
  order.forEach((i, rank) => {
    highest = Math.max(highest, Math.min(1, (pValues[i] as number) * (pValues.length - rank)));
    adjusted[i] = highest;
  });
  return adjusted;
}

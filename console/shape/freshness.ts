/** Cumulative counts of a histogram by the upper bound of each bucket, in seconds; the last bound is infinite. */
export type BucketCounts = ReadonlyMap<number, number>;

export interface Freshness {
  /** From the broker's append of the oldest event of a batch to its visibility in the online store, ms. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Batches that were measured. */
  readonly batches: number;
  /** The time in which they were, ms; null: since the stream process started. */
  readonly overMs: number | null;
}

const MS = 1_000;

/** Sums the buckets of a histogram over all its labels. `text` is what Prometheus reads. */
export function bucketCounts(text: string, metric: string): BucketCounts {
  const counts = new Map<number, number>();
  const line = new RegExp(`^${metric}_bucket\\{(.*)\\} (\\d+)$`, 'gm');
  for (const [, labels = '', count] of text.matchAll(line)) {
    const bound = /(?:^|,)le="([^"]+)"/.exec(labels)?.[1];
    if (bound === undefined) continue;
    const le = bound === '+Inf' ? Infinity : Number(bound);
    counts.set(le, (counts.get(le) ?? 0) + Number(count));
  }
  return counts;
}

/** What was counted between two looks; all of the later where the earlier is of a process before it. */
export function countsSince(earlier: BucketCounts, later: BucketCounts): BucketCounts {
  const differences = [...later].map(([le, count]) => [le, count - (earlier.get(le) ?? 0)] as const);
  return differences.some(([, difference]) => difference < 0) ? later : new Map(differences);
}

/**
 * The quantile of a histogram, linear within its bucket, as Prometheus' `histogram_quantile` takes it; beyond the
 * last finite bound it is that bound. Null where nothing was counted.
 */
export function histogramQuantile(counts: BucketCounts, q: number): number | null {
  const buckets = [...counts].sort(([a], [b]) => a - b);
  const total = buckets.at(-1)?.[1] ?? 0;
  if (total === 0) return null;
  const rank = q * total;
  let lower = 0;
  let below = 0;
  for (const [le, count] of buckets) {
    if (count >= rank) {
      if (le === Infinity) return lower;
      return count === below ? le : lower + ((le - lower) * (rank - below)) / (count - below);
    }
    lower = le;
    below = count;
  }
  return lower;
}

export function freshnessOf(counts: BucketCounts, overMs: number | null): Freshness | null {
  const p50 = histogramQuantile(counts, 0.5);
  const p99 = histogramQuantile(counts, 0.99);
  if (p50 === null || p99 === null) return null;
  return { p50Ms: p50 * MS, p99Ms: p99 * MS, batches: counts.get(Infinity) ?? 0, overMs };
}

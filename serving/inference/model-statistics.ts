import type { BucketSeries } from '../../src/infra/bucket-histogram.ts';
import type { VersionSeries } from '../version-metrics.ts';

/** How often something was, and how long all of it took. */
interface StatisticDuration {
  readonly count: number;
  readonly ns: number;
}

interface ComputeStatistics {
  /** Reading features, where the request has keys; not told of batches. */
  readonly compute_input: StatisticDuration;
  readonly compute_infer: StatisticDuration;
  /** Part of `compute_infer`. */
  readonly compute_output: StatisticDuration;
}

/** A version in the words of the protocol's statistics extension; counted since this process first had it. */
export interface ModelStatistics {
  readonly name: string;
  readonly version: string;
  /** Ms since 1970; 0 before any. */
  readonly last_inference: number;
  /** Rows. */
  readonly inference_count: number;
  /** Batches. */
  readonly execution_count: number;
  readonly inference_stats: ComputeStatistics & {
    /** Requests, from their arrival to their answer. */
    readonly success: StatisticDuration;
    /** Not timed. */
    readonly fail: StatisticDuration;
    readonly queue: StatisticDuration;
    /** Rows, not timed. */
    readonly cache_hit: StatisticDuration;
    readonly cache_miss: StatisticDuration;
  };
  readonly batch_stats: readonly (ComputeStatistics & { readonly batch_size: number })[];
}

const NS_PER_SECOND = 1e9;
const NS_PER_MS = 1e6;
const NONE: StatisticDuration = { count: 0, ns: 0 };

/** @param series undefined before the first observation */
export function statisticsOf(name: string, version: number, series: VersionSeries | undefined, failures: number): ModelStatistics {
  const { tally } = series ?? {};
  return {
    name,
    version: String(version),
    last_inference: tally?.lastAt ?? 0,
    inference_count: tally?.rows ?? 0,
    execution_count: series?.batchRows.count ?? 0,
    inference_stats: {
      success: durationOf(series?.total),
      fail: untimed(failures),
      queue: durationOf(series?.queue),
      compute_input: durationOf(series?.features),
      compute_infer: durationOf(series?.compute),
      compute_output: NONE,
      cache_hit: untimed(tally?.cacheHits ?? 0),
      cache_miss: untimed(tally?.cacheMisses ?? 0),
    },
    batch_stats: (tally?.batches ?? []).map(([rows, { count, ms }]) => ({
      batch_size: rows,
      compute_input: NONE,
      compute_infer: { count, ns: Math.round(ms * NS_PER_MS) },
      compute_output: NONE,
    })),
  };
}

const untimed = (count: number): StatisticDuration => ({ count, ns: 0 });

const durationOf = (series: BucketSeries | undefined): StatisticDuration =>
  series === undefined ? NONE : { count: series.count, ns: Math.round(series.sum * NS_PER_SECOND) };

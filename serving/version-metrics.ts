import { BucketHistogram, type BucketSeries } from '../src/infra/bucket-histogram.ts';
import type { Registry } from '../src/infra/metrics.ts';
import { LATENCY_BUCKETS } from './latency-buckets.ts';
import { VersionTally } from './version-tally.ts';

const ROWS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024];
const MS_PER_SECOND = 1_000;
/** Versions of one model that have series, the newest ones: a process that lives for months loads many. */
export const VERSIONS_SHOWN_MAX = 8;

const histograms = {
  total: { name: 'millrace_prediction_duration_seconds', help: 'A request from its arrival to its answer, once for each version that answered rows of it.', buckets: LATENCY_BUCKETS },
  features: { name: 'millrace_prediction_features_seconds', help: 'Reading the views and assembling the rows.', buckets: LATENCY_BUCKETS },
  queue: { name: 'millrace_prediction_queue_seconds', help: 'Rows waiting for their batch.', buckets: LATENCY_BUCKETS },
  compute: { name: 'millrace_prediction_compute_seconds', help: 'The batches of a request, hand-over included.', buckets: LATENCY_BUCKETS },
  batchSeconds: { name: 'millrace_inference_batch_duration_seconds', help: 'The run of one batch, hand-over included.', buckets: LATENCY_BUCKETS },
  batchRows: { name: 'millrace_inference_batch_rows', help: 'Rows of a batch.', buckets: ROWS },
} as const;

type Part = keyof typeof histograms;
const parts = Object.keys(histograms) as Part[];

/** Where the time of one version's requests goes, in seconds, and its batches. */
export type VersionSeries = Readonly<Record<Part, BucketSeries>> & { readonly tally: VersionTally };

/** Histograms by model and version, of the newest versions of each model. */
export class VersionMetrics {
  readonly #histograms: Readonly<Record<Part, BucketHistogram>>;
  readonly #byModel = new Map<string, Map<number, VersionSeries>>();

  constructor(registry: Registry) {
    this.#histograms = byPart((part) => new BucketHistogram({ ...histograms[part], registry }));
  }

  of(model: string, version: number): VersionSeries {
    let versions = this.#byModel.get(model);
    if (versions === undefined) this.#byModel.set(model, (versions = new Map<number, VersionSeries>()));
    let series = versions.get(version);
    if (series === undefined) {
      series = { ...byPart((part) => this.#histograms[part].add({ model, version })), tally: new VersionTally() };
      versions.set(version, series);
      this.#forgetOldest(versions);
    }
    return series;
  }

  /** Undefined where nothing of the version was observed, or newer ones took its place. */
  find(model: string, version: number): VersionSeries | undefined {
    return this.#byModel.get(model)?.get(version);
  }

  /** A batch of its rows. */
  ran(model: string, version: number, rows: number, tookMs: number): void {
    const { batchRows, batchSeconds, tally } = this.of(model, version);
    batchRows.observe(rows);
    batchSeconds.observe(tookMs / MS_PER_SECOND);
    tally.ran(rows, tookMs);
  }

  #forgetOldest(versions: Map<number, VersionSeries>): void {
    const [oldest] = versions;
    if (oldest === undefined || versions.size <= VERSIONS_SHOWN_MAX) return;
    const [version, series] = oldest;
    versions.delete(version);
    for (const part of parts) this.#histograms[part].remove(series[part]);
  }
}

const byPart = <T>(make: (part: Part) => T): Record<Part, T> => Object.fromEntries(parts.map((part) => [part, make(part)])) as Record<Part, T>;

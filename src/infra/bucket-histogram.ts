import type { Histogram, Registry } from './metrics.ts';

export interface BucketHistogramOptions {
  readonly name: string;
  readonly help: string;
  /** Upper bounds, ascending. */
  readonly buckets: readonly number[];
  readonly registry: Registry;
}

export type SeriesLabels = Readonly<Record<string, string | number>>;

/**
 * A histogram for what is observed thousands of times a second: whoever observes holds the series of his labels, and an
 * observation is a few comparisons and no allocation. Prometheus sees it as any other.
 */
export class BucketHistogram {
  readonly name: string;
  readonly #options: BucketHistogramOptions;
  readonly #series = new Set<BucketSeries>();

  constructor(options: BucketHistogramOptions) {
    this.name = options.name;
    this.#options = options;
    // The registry asks a metric for its name and for `get`, which its types do not say.
    options.registry.registerMetric(this as unknown as Histogram);
  }

  /** A new series: to be made once for the same labels. */
  add(labels: SeriesLabels): BucketSeries {
    const series = new BucketSeries(labels, this.#options.buckets);
    this.#series.add(series);
    return series;
  }

  remove(series: BucketSeries): void {
    this.#series.delete(series);
  }

  /** What the registry prints. */
  get() {
    const { name, help } = this.#options;
    return { name, help, type: 'histogram', values: [...this.#series].flatMap((series) => series.print(name)), aggregator: 'sum' };
  }
}

/** The observations of some labels. */
export class BucketSeries {
  readonly #labels: SeriesLabels;
  readonly #buckets: readonly number[];
  /** By bucket, not yet summed up; the last one is beyond all bounds. */
  readonly #counts: Float64Array;
  #sum = 0;
  #count = 0;

  constructor(labels: SeriesLabels, buckets: readonly number[]) {
    this.#labels = labels;
    this.#buckets = buckets;
    this.#counts = new Float64Array(buckets.length + 1);
  }

  /** Of all observations. */
  get sum(): number {
    return this.#sum;
  }

  get count(): number {
    return this.#count;
  }

  observe(value: number): void {
    let bucket = 0;
    while (bucket < this.#buckets.length && value > this.#buckets[bucket]!) bucket++;
    this.#counts[bucket]! += 1;
    this.#sum += value;
    this.#count += 1;
  }

  print(name: string) {
    const labels = this.#labels;
    let below = 0;
    const bounded = this.#buckets.map((le, i) => ({ metricName: `${name}_bucket`, labels: { le, ...labels }, value: (below += this.#counts[i]!) }));
    return [
      ...bounded,
      { metricName: `${name}_bucket`, labels: { le: '+Inf', ...labels }, value: this.#count },
      { metricName: `${name}_sum`, labels, value: this.#sum },
      { metricName: `${name}_count`, labels, value: this.#count },
    ];
  }
}

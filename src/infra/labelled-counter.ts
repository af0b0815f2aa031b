import type { SeriesLabels } from './bucket-histogram.ts';
import type { Counter, Registry } from './metrics.ts';

export interface LabelledCounterOptions {
  readonly name: string;
  readonly help: string;
  readonly registry: Registry;
}

/** What was counted under some labels. */
export interface CounterSeries {
  readonly labels: SeriesLabels;
  value: number;
}

/**
 * A counter for what is counted thousands of times a second: whoever counts holds the series of his labels and adds to it, where
 * the library would look the series up by a text of all labels each time. Prometheus sees it as any other.
 */
export class LabelledCounter {
  readonly name: string;
  readonly #options: LabelledCounterOptions;
  readonly #series = new Set<CounterSeries>();

  constructor(options: LabelledCounterOptions) {
    this.name = options.name;
    this.#options = options;
    // The registry asks a metric for its name and for `get`, which its types do not say.
    options.registry.registerMetric(this as unknown as Counter);
  }

  /** A new series, at 0: to be made once for the same labels. */
  add(labels: SeriesLabels): CounterSeries {
    const series = { labels, value: 0 };
    this.#series.add(series);
    return series;
  }

  remove(series: CounterSeries): void {
    this.#series.delete(series);
  }

  /** What the registry prints. */
  get() {
    const { name, help } = this.#options;
    return { name, help, type: 'counter', values: Array.from(this.#series, ({ labels, value }) => ({ labels, value })), aggregator: 'sum' };
  }
}

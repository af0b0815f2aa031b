import type { Counter, Registry } from './metrics.ts';

export interface LabelledCounterOptions<Label extends string> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly Label[];
  readonly registry: Registry;
}

/** What was counted under some labels. */
export interface CounterSeries {
  value: number;
}

/**
 * A counter for what is counted thousands of times a second: whoever counts holds the series of his labels and adds to it, where
 * the library would look the series up by a text of all labels each time. Prometheus sees it as any other.
 */
export class LabelledCounter<Label extends string> {
  readonly name: string;
  readonly #options: LabelledCounterOptions<Label>;
  readonly #series = new Map<string, { readonly labels: Readonly<Record<Label, string>>; readonly series: CounterSeries }>();

  constructor(options: LabelledCounterOptions<Label>) {
    this.name = options.name;
    this.#options = options;
    // The registry asks a metric for its name and for `get`, which its types do not say.
    options.registry.registerMetric(this as unknown as Counter);
  }

  /** The series of some labels, which is shown from now on. */
  of(labels: Readonly<Record<Label, string>>): CounterSeries {
    const key = this.#keyOf(labels);
    let found = this.#series.get(key);
    if (found === undefined) this.#series.set(key, (found = { labels, series: { value: 0 } }));
    return found.series;
  }

  remove(labels: Readonly<Record<Label, string>>): void {
    this.#series.delete(this.#keyOf(labels));
  }

  /** What the registry prints. */
  get() {
    const { name, help } = this.#options;
    return { name, help, type: 'counter', values: [...this.#series.values()].map(({ labels, series }) => ({ labels, value: series.value })), aggregator: 'sum' };
  }

  #keyOf(labels: Readonly<Record<Label, string>>): string {
    return JSON.stringify(this.#options.labelNames.map((name) => labels[name]));
  }
}

import { LabelledCounter, type CounterSeries } from '../../src/infra/labelled-counter.ts';
import type { Registry } from '../../src/infra/metrics.ts';
import { cacheOutcomes, type CacheOutcome } from './score-cache.ts';

/** Rows that came to the caches of scores, by model and how they were answered. */
export class CacheMetrics {
  readonly #rows: LabelledCounter;
  readonly #byModel = new Map<string, Record<CacheOutcome, CounterSeries>>();

  constructor(registry: Registry) {
    const help = 'Rows that came to the cache of scores, by how they were answered: memory, shared, joined (another request ran them) or run.';
    this.#rows = new LabelledCounter({ name: 'millrace_cache_rows_total', help, registry });
  }

  /** Counts rows of one model; of all its versions together. */
  counterOf(model: string): (outcome: CacheOutcome, rows: number) => void {
    let series = this.#byModel.get(model);
    if (series === undefined) {
      series = Object.fromEntries(cacheOutcomes.map((outcome) => [outcome, this.#rows.add({ model, outcome })])) as Record<CacheOutcome, CounterSeries>;
      this.#byModel.set(model, series);
    }
    const found = series;
    return (outcome, rows) => {
      found[outcome].value += rows;
    };
  }
}

import { experimentOf, isArmVariant } from '../src/contracts/experiment.ts';
import { LabelledCounter, type CounterSeries } from '../src/infra/labelled-counter.ts';
import type { Registry } from '../src/infra/metrics.ts';

/**
 * Instances answered by variant. Of each model the newest experiment has series, one for each of its arms: names of
 * experiments are users', and a process that lives for months sees many.
 */
export class VariantMetrics {
  readonly #predictions: LabelledCounter;
  /** By model and variant. */
  readonly #series = new Map<string, Map<string, CounterSeries>>();

  constructor(registry: Registry) {
    const help = 'Instances answered; arms are experiment/arm, of the newest experiment of each model.';
    this.#predictions = new LabelledCounter({ name: 'millrace_predictions_total', help, registry });
  }

  answered(model: string, variant: string, rows: number): void {
    const series = this.#series.get(model)?.get(variant) ?? this.#add(model, variant);
    series.value += rows;
  }

  #add(model: string, variant: string): CounterSeries {
    const variants = this.#series.get(model) ?? new Map<string, CounterSeries>();
    if (isArmVariant(variant)) this.#forgetOthers(variants, experimentOf(variant));
    const series = this.#predictions.add({ model, variant });
    this.#series.set(model, variants.set(variant, series));
    return series;
  }

  #forgetOthers(variants: Map<string, CounterSeries>, experiment: string): void {
    for (const [variant, series] of variants) {
      if (!isArmVariant(variant) || experimentOf(variant) === experiment) continue;
      variants.delete(variant);
      this.#predictions.remove(series);
    }
  }
}

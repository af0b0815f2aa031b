import { experimentOf, isArmVariant, type ArmVariant } from '../src/contracts/experiment.ts';
import { LabelledCounter, type CounterSeries } from '../src/infra/labelled-counter.ts';
import type { Registry } from '../src/infra/metrics.ts';

interface ShownArms {
  readonly experiment: string;
  readonly variants: Set<ArmVariant>;
}

/**
 * Instances answered by variant. Of each model the newest experiment has series, one for each of its arms: names of
 * experiments are users', and a process that lives for months sees many.
 */
export class VariantMetrics {
  readonly #predictions: LabelledCounter<'model' | 'variant'>;
  readonly #byModel = new Map<string, Map<string, CounterSeries>>();
  readonly #shown = new Map<string, ShownArms>();

  constructor(registry: Registry) {
    this.#predictions = new LabelledCounter({
      name: 'millrace_predictions_total',
      help: 'Instances answered; arms are experiment/arm, of the newest experiment of each model.',
      labelNames: ['model', 'variant'],
      registry,
    });
  }

  answered(model: string, variant: string, rows: number): void {
    if (isArmVariant(variant)) this.#show(model, variant);
    this.#seriesOf(model, variant).value += rows;
  }

  #show(model: string, variant: ArmVariant): void {
    const experiment = experimentOf(variant);
    let shown = this.#shown.get(model);
    if (shown?.experiment !== experiment) {
      for (const former of shown?.variants ?? []) this.#forget(model, former);
      this.#shown.set(model, (shown = { experiment, variants: new Set() }));
    }
    shown.variants.add(variant);
  }

  #seriesOf(model: string, variant: string): CounterSeries {
    let variants = this.#byModel.get(model);
    if (variants === undefined) this.#byModel.set(model, (variants = new Map<string, CounterSeries>()));
    let series = variants.get(variant);
    if (series === undefined) variants.set(variant, (series = this.#predictions.of({ model, variant })));
    return series;
  }

  #forget(model: string, variant: string): void {
    this.#byModel.get(model)?.delete(variant);
    this.#predictions.remove({ model, variant });
  }
}

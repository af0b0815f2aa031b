import { experimentOf, isArmVariant, type ArmVariant } from '../src/contracts/experiment.ts';
import { Counter, type Registry } from '../src/infra/metrics.ts';

interface ShownArms {
  readonly experiment: string;
  readonly variants: Set<ArmVariant>;
}

/**
 * Instances answered by variant. Of each model the newest experiment has series, one for each of its arms: names of
 * experiments are users', and a process that lives for months sees many.
 */
export class VariantMetrics {
  readonly #predictions: Counter<'model' | 'variant'>;
  readonly #shown = new Map<string, ShownArms>();

  constructor(registry: Registry) {
    this.#predictions = new Counter({
      name: 'millrace_predictions_total',
      help: 'Instances answered; arms are experiment/arm, of the newest experiment of each model.',
      labelNames: ['model', 'variant'],
      registers: [registry],
    });
  }

  answered(model: string, variant: string, rows: number): void {
    if (isArmVariant(variant)) this.#show(model, variant);
    this.#predictions.inc({ model, variant }, rows);
  }

  #show(model: string, variant: ArmVariant): void {
    const experiment = experimentOf(variant);
    let shown = this.#shown.get(model);
    if (shown?.experiment !== experiment) {
      for (const former of shown?.variants ?? []) this.#predictions.remove({ model, variant: former });
      this.#shown.set(model, (shown = { experiment, variants: new Set() }));
    }
    shown.variants.add(variant);
  }
}

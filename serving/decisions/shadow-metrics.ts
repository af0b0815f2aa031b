import { BucketHistogram, type BucketSeries } from '../../src/infra/bucket-histogram.ts';
import { Counter, type Registry } from '../../src/infra/metrics.ts';

/** A distance of two probabilities. */
const DISTANCES = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1];
const outcomes = ['agree', 'to_positive', 'to_negative'] as const;

/** One decision that both versions scored: each by its own threshold. */
export interface ShadowAnswer {
  readonly score: number;
  readonly label: boolean;
  readonly shadowScore: number;
  readonly shadowLabel: boolean;
}

interface Shown {
  readonly version: number;
  readonly distance: BucketSeries;
}

/** How a shadow's answers compare with those that were given. Of each model the newest shadow has series: there is one at a time. */
export class ShadowMetrics {
  readonly #answers: Counter<'model' | 'version' | 'outcome'>;
  readonly #distances: BucketHistogram;
  readonly #shown = new Map<string, Shown>();

  constructor(registry: Registry) {
    this.#answers = new Counter({
      name: 'millrace_shadow_answers_total',
      help: "Answers of the newest shadow beside those that were given, by what became of the label: agree, to_positive or to_negative.",
      labelNames: ['model', 'version', 'outcome'],
      registers: [registry],
    });
    this.#distances = new BucketHistogram({
      name: 'millrace_shadow_score_distance',
      help: 'Absolute difference of the score of the newest shadow and the score that was given.',
      buckets: DISTANCES,
      registry,
    });
  }

  observe(model: string, version: number, { score, label, shadowScore, shadowLabel }: ShadowAnswer): void {
    const outcome = label === shadowLabel ? 'agree' : shadowLabel ? 'to_positive' : 'to_negative';
    this.#of(model, version).distance.observe(Math.abs(shadowScore - score));
    this.#answers.inc({ model, version, outcome });
  }

  #of(model: string, version: number): Shown {
    const present = this.#shown.get(model);
    if (present?.version === version) return present;
    if (present !== undefined) {
      this.#distances.remove(present.distance);
      for (const outcome of outcomes) this.#answers.remove({ model, version: present.version, outcome });
    }
    const shown = { version, distance: this.#distances.add({ model, version }) };
    this.#shown.set(model, shown);
    return shown;
  }
}

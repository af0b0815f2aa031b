import { LabelledCounter, type CounterSeries, type LabelledCounterOptions } from './labelled-counter.ts';

export interface OutcomeCounterOptions<Outcome extends string> extends LabelledCounterOptions {
  readonly outcomes: readonly Outcome[];
}

/** Counts by model and outcome. All outcomes of a model begin at 0: one that is the first of its series would be no increase. */
export class OutcomeCounter<Outcome extends string> {
  readonly #counter: LabelledCounter;
  readonly #outcomes: readonly Outcome[];
  readonly #byModel = new Map<string, Readonly<Record<Outcome, CounterSeries>>>();

  constructor({ outcomes, ...options }: OutcomeCounterOptions<Outcome>) {
    this.#counter = new LabelledCounter(options);
    this.#outcomes = outcomes;
  }

  of(model: string): Readonly<Record<Outcome, CounterSeries>> {
    let series = this.#byModel.get(model);
    if (series === undefined) {
      series = Object.fromEntries(this.#outcomes.map((outcome) => [outcome, this.#counter.add({ model, outcome })])) as Record<Outcome, CounterSeries>;
      this.#byModel.set(model, series);
    }
    return series;
  }
}

import type { Clock } from '../src/core/clock.ts';
import type { FeatureView } from '../src/define/feature-view.ts';
import type { ViewProgram } from '../src/fold/compile-view.ts';
import { ageOf } from '../src/fold/fresh-read.ts';
import type { ViewState } from '../src/fold/view-state.ts';
import { BucketHistogram, type BucketSeries } from '../src/infra/bucket-histogram.ts';
import { LabelledCounter, type CounterSeries } from '../src/infra/labelled-counter.ts';
import { Gauge, type Registry } from '../src/infra/metrics.ts';
import type { StateRequest } from './features/view-reader.ts';

const AGE_SECONDS = [1, 5, 15, 60, 300, 900, 1_800, 3_600, 7_200, 21_600, 86_400, 259_200, 604_800];
const MS = 1_000;

/** What a read under a contract met. */
const staleOutcomes = { serve: 'stale_served', null: 'stale_null', refuse: 'stale_refused' } as const;

/** Reads of one view, in all its versions. */
interface ViewReads extends Readonly<Record<'all' | 'stale' | 'fresh', CounterSeries>> {
  /** Stale ones by what became of them. */
  readonly outcomes: Map<string, CounterSeries>;
}

/** Freshness of what was read, in predictions and online reads, of views with a `maxAge`. The label's values are the project's views. */
export class FreshnessMetrics {
  readonly #reads: LabelledCounter;
  readonly #staleReads: LabelledCounter;
  readonly #outcomes: LabelledCounter;
  readonly #readsByView = new Map<string, ViewReads>();
  readonly #ages: BucketHistogram;
  readonly #agesByView = new Map<string, BucketSeries>();
  /** By view the newest known time that any read has met, ms since the epoch. */
  readonly #newest = new Map<string, number>();

  constructor(registry: Registry, clock: Clock) {
    const registers = [registry];
    const counter = (name: string, help: string) => new LabelledCounter({ name, help, registry });
    this.#reads = counter('millrace_feature_reads_total', 'Rows that read a view whose maxAge bounds the age of its states.');
    this.#staleReads = counter('millrace_feature_stale_reads_total', 'Rows that found the state of a view older than its maxAge.');
    this.#outcomes = counter(
      'millrace_feature_reads_by_freshness_total',
      'Rows that read a view with a maxAge: fresh, or stale and what became of them (stale_served, stale_null, stale_refused).',
    );
    this.#ages = new BucketHistogram({
      name: 'millrace_feature_age_seconds',
      help: 'Age of each state that was read of a view with a maxAge, as of the moment asked for; keys without a state have none.',
      buckets: AGE_SECONDS,
      registry,
    });
    const newest = this.#newest;
    new Gauge({
      name: 'millrace_feature_freshness_lag_seconds',
      help: 'Wall clock less the newest known time of all states that were read of a view with a maxAge.',
      labelNames: ['view'],
      registers,
      collect() {
        for (const [view, knownTime] of newest) this.set({ view }, (clock() - knownTime) / MS);
      },
    });
  }

  /** Rows of one request that read a view under a contract, and those of them that found its state stale. */
  readonly countReads = ({ name: view, freshness: rule }: ViewProgram, rows: number, stale: number): void => {
    const counted = this.#readsByView.get(view) ?? this.#addReads(view);
    counted.all.value += rows;
    counted.stale.value += stale;
    counted.fresh.value += rows - stale;
    const freshness = staleOutcomes[rule?.onStale ?? 'serve'];
    let outcome = counted.outcomes.get(freshness);
    if (outcome === undefined) counted.outcomes.set(freshness, (outcome = this.#outcomes.add({ view, freshness })));
    outcome.value += stale;
  };

  /** The states of one request, in the order asked for. */
  observeStates(asked: readonly StateRequest[], states: readonly (ViewState | null)[], asOf: number): void {
    for (let i = 0; i < states.length; i++) {
      const { program } = asked[i]!;
      if (program.freshness === null || program.freshness.maxAgeMs === Infinity) continue;
      const state = states[i] ?? null;
      const ageMs = ageOf(program, state, asOf);
      if (ageMs === null || state === null) continue;
      this.#agesOf(program.name).observe(ageMs / MS);
      const known = this.#newest.get(program.name);
      if (known === undefined || state.newestKnownTime > known) this.#newest.set(program.name, state.newestKnownTime);
    }
  }

  #addReads(view: string): ViewReads {
    const counted = { all: this.#reads.add({ view }), stale: this.#staleReads.add({ view }), fresh: this.#outcomes.add({ view, freshness: 'fresh' }), outcomes: new Map<string, CounterSeries>() };
    this.#readsByView.set(view, counted);
    return counted;
  }

  #agesOf(view: string): BucketSeries {
    let series = this.#agesByView.get(view);
    if (series === undefined) this.#agesByView.set(view, (series = this.#ages.add({ view })));
    return series;
  }
}

/** Tells the objectives of the project's views, which the alert rules of deploy/rules hold the reads against. */
export function observeObjectives(registry: Registry, views: readonly FeatureView[]): void {
  const gauge = new Gauge({
    name: 'millrace_feature_freshness_objective',
    help: 'Share of reads of a view that are to find its state within its maxAge.',
    labelNames: ['view'],
    registers: [registry],
  });
  for (const { name, freshnessObjective } of views) if (freshnessObjective !== undefined) gauge.set({ view: name }, freshnessObjective);
}

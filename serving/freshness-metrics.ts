import type { Clock } from '../src/core/clock.ts';
import type { FeatureView } from '../src/define/feature-view.ts';
import type { ViewProgram } from '../src/fold/compile-view.ts';
import { ageOf } from '../src/fold/fresh-read.ts';
import type { ViewState } from '../src/fold/view-state.ts';
import { BucketHistogram, type BucketSeries } from '../src/infra/bucket-histogram.ts';
import { Counter, Gauge, type Registry } from '../src/infra/metrics.ts';
import type { StateRequest } from './features/view-reader.ts';

const AGE_SECONDS = [1, 5, 15, 60, 300, 900, 1_800, 3_600, 7_200, 21_600, 86_400, 259_200, 604_800];
const MS = 1_000;

/** What a read under a contract met. */
const staleOutcomes = { serve: 'stale_served', null: 'stale_null', refuse: 'stale_refused' } as const;

/** Freshness of what was read, in predictions and online reads, of views with a `maxAge`. The label's values are the project's views. */
export class FreshnessMetrics {
  readonly #reads: Counter<'view'>;
  readonly #staleReads: Counter<'view'>;
  readonly #outcomes: Counter<'view' | 'freshness'>;
  readonly #ages: BucketHistogram;
  readonly #agesByView = new Map<string, BucketSeries>();
  /** By view the newest known time that any read has met, ms since the epoch. */
  readonly #newest = new Map<string, number>();

  constructor(registry: Registry, clock: Clock) {
    const registers = [registry];
    const counter = (name: string, help: string) => new Counter({ name, help, labelNames: ['view'] as const, registers });
    this.#reads = counter('millrace_feature_reads_total', 'Rows that read a view whose maxAge bounds the age of its states.');
    this.#staleReads = counter('millrace_feature_stale_reads_total', 'Rows that found the state of a view older than its maxAge.');
    this.#outcomes = new Counter({
      name: 'millrace_feature_reads_by_freshness_total',
      help: 'Rows that read a view with a maxAge: fresh, or stale and what became of them (stale_served, stale_null, stale_refused).',
      labelNames: ['view', 'freshness'],
      registers,
    });
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
  readonly countReads = ({ name, freshness }: ViewProgram, rows: number, stale: number): void => {
    this.#reads.inc({ view: name }, rows);
    this.#staleReads.inc({ view: name }, stale);
    this.#outcomes.inc({ view: name, freshness: 'fresh' }, rows - stale);
    this.#outcomes.inc({ view: name, freshness: staleOutcomes[freshness?.onStale ?? 'serve'] }, stale);
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

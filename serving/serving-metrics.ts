import type { Clock } from '../src/core/clock.ts';
import { countAccessRefusals } from '../src/infra/access/access-refusals.ts';
import { Counter, Gauge, type Registry } from '../src/infra/metrics.ts';
import { OutcomeCounter } from '../src/infra/outcome-counter.ts';
import { cacheOutcomes } from './cache/score-cache.ts';
import { ShadowMetrics } from './decisions/shadow-metrics.ts';
import { FreshnessMetrics } from './freshness-metrics.ts';
import { OnlineMetrics } from './online-metrics.ts';
import { objectivesDefault, RequestMetrics, type ServingObjectives } from './request-metrics.ts';
import { VariantMetrics } from './variant-metrics.ts';
import { VersionMetrics } from './version-metrics.ts';

export type ServingMetrics = ReturnType<typeof createServingMetrics>;

/**
 * Every label is bounded, whatever clients send: models are the project's, codes the error table's, versions the newest of
 * each model, and arms those of the newest experiment of each.
 */
export function createServingMetrics(registry: Registry, objectives: ServingObjectives = objectivesDefault, clock: Clock = Date.now) {
  const registers = [registry];
  return {
    requests: new RequestMetrics(registry, objectives),
    versions: new VersionMetrics(registry),
    predictions: new VariantMetrics(registry),
    inFlight: createInFlight(registers),
    cacheRows: new OutcomeCounter({
      name: 'millrace_cache_rows_total',
      help: 'Rows that came to the cache of scores, by how they were answered: memory, shared, joined (another request ran them), run, or skipped (run without a look, while next to nothing is found).',
      outcomes: cacheOutcomes,
      registry,
    }),
    shadowDropped: new Counter({
      name: 'millrace_shadow_rows_dropped_total',
      help: 'Rows that the shadow did not score: its bound was reached, or it failed.',
      labelNames: ['model'],
      registers,
    }),
    shadows: new ShadowMetrics(registry),
    sessionRestarts: new Counter({
      name: 'millrace_session_restarts_total',
      help: 'Session processes that crashed or hung.',
      registers,
    }),
    online: new OnlineMetrics(registry),
    freshness: new FreshnessMetrics(registry, clock),
    accessRefusals: countAccessRefusals(registry),
    decisionsStored: new Counter({ name: 'millrace_decisions_stored_total', help: 'Decisions that Kafka acknowledged.', registers }),
    decisionsDropped: new Counter({ name: 'millrace_decisions_dropped_total', help: 'Decisions that could not be stored.', registers }),
  };
}

/** Numbers that whoever answers counts up and down. */
function createInFlight(registers: Registry[]): Record<'predict' | 'infer' | 'online', number> {
  const inFlight = { predict: 0, infer: 0, online: 0 };
  new Gauge({
    name: 'millrace_serving_requests_in_flight',
    help: 'Requests that are being answered: predict, infer or online. Each 64 lines of a bulk prediction are one.',
    labelNames: ['kind'],
    registers,
    collect() {
      for (const [kind, count] of Object.entries(inFlight)) this.set({ kind }, count);
    },
  });
  return inFlight;
}

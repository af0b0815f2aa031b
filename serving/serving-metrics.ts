import type { Clock } from '../src/core/clock.ts';
import { Counter, Gauge, Histogram, type Registry } from '../src/infra/metrics.ts';
import { FreshnessMetrics } from './freshness-metrics.ts';
import { ShadowMetrics } from './decisions/shadow-metrics.ts';
import { objectivesDefault, RequestMetrics, type ServingObjectives } from './request-metrics.ts';
import { VariantMetrics } from './variant-metrics.ts';
import { VersionMetrics } from './version-metrics.ts';

const SECONDS_BUCKETS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];
const KEYS_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096];

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
    cacheRows: new Counter({
      name: 'millrace_cache_rows_total',
      help: 'Rows that came to the cache of scores, by how they were answered: memory, shared, joined (another request ran them) or run.',
      labelNames: ['model', 'outcome'],
      registers,
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
    ...onlineReadMetrics(registers),
    freshness: new FreshnessMetrics(registry, clock),
    accessRefusals: new Counter({
      name: 'millrace_access_refusals_total',
      help: 'Requests that access control refused, by reason and transport.',
      labelNames: ['reason', 'transport'],
      registers,
    }),
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

function onlineReadMetrics(registers: Registry[]) {
  return {
    onlineReads: new Histogram({
      name: 'millrace_online_read_duration_seconds',
      help: 'A read of online features from its arrival to its answer, by what it asks for.',
      buckets: SECONDS_BUCKETS,
      labelNames: ['by', 'service'],
      registers,
    }),
    onlineKeys: new Histogram({
      name: 'millrace_online_read_keys',
      help: 'States that a read of online features asked for.',
      buckets: KEYS_BUCKETS,
      registers,
    }),
    onlineFailures: new Counter({
      name: 'millrace_online_read_failures_total',
      help: 'Reads of online features that failed, by error code.',
      labelNames: ['code'],
      registers,
    }),
  };
}

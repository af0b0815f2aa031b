import type { Clock } from '../src/core/clock.ts';
import { Counter, Gauge, Histogram, type Registry } from '../src/infra/metrics.ts';
import { FreshnessMetrics } from './freshness-metrics.ts';
import { ShadowMetrics } from './decisions/shadow-metrics.ts';
import type { ModelRouter, RoutedVersion } from './router/model-router.ts';
import { objectivesDefault, RequestMetrics, type ServingObjectives } from './request-metrics.ts';
import type { ServedModel } from './served-model.ts';
import type { Session } from './session-host/session.ts';
import type { TensorModel } from './tensors/tensor-models.ts';
import { VersionMetrics } from './version-metrics.ts';

const SECONDS_BUCKETS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];
const KEYS_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096];

export type ServingMetrics = ReturnType<typeof createServingMetrics>;

/**
 * Every label is bounded, whatever clients send: models are the project's, codes the error table's, and versions the
 * newest of each model.
 */
export function createServingMetrics(registry: Registry, objectives: ServingObjectives = objectivesDefault, clock: Clock = Date.now) {
  const registers = [registry];
  return {
    requests: new RequestMetrics(registry, objectives),
    versions: new VersionMetrics(registry),
    predictions: new Counter({
      name: 'millrace_predictions_total',
      help: 'Instances answered.',
      labelNames: ['model', 'variant'],
      registers,
    }),
    inFlight: new Gauge({
      name: 'millrace_serving_requests_in_flight',
      help: 'Requests that are being answered: predict, infer or online. Each 64 lines of a bulk prediction are one.',
      labelNames: ['kind'],
      registers,
    }),
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

/** Figures that are read off the models when they are asked for. */
export function observeModels(
  registry: Registry,
  models: readonly ServedModel[],
  tensorModels: () => readonly TensorModel[],
  decisionsWaiting: () => number,
): void {
  const registers = [registry];
  new Gauge({
    name: 'millrace_cache_size_rows',
    help: 'Rows in the caches of scores.',
    labelNames: ['model'],
    registers,
    collect() {
      for (const { name: model, router } of models) this.set({ model }, router.loaded.reduce((sum, { cachedRows }) => sum + cachedRows, 0));
    },
  });
  observeVersions(registers, () => [...models, ...tensorModels()]);
  new Gauge({
    name: 'millrace_requests_in_flight',
    help: 'Predictions and inferences that are under way.',
    labelNames: ['model'],
    registers,
    collect() {
      for (const { name: model, limiter } of models) this.set({ model }, limiter.inFlight);
    },
  });
  new Gauge({
    name: 'millrace_concurrency_limit_requests',
    help: 'Requests that may be under way at one time; nothing where MILLRACE_SERVING_CONCURRENCY is off.',
    labelNames: ['model'],
    registers,
    collect() {
      for (const { name: model, limiter } of models) if (limiter.limit !== null) this.set({ model }, limiter.limit);
    },
  });
  new Gauge({
    name: 'millrace_decisions_waiting',
    help: 'Decisions that wait for Kafka.',
    registers,
    collect() {
      this.set(decisionsWaiting());
    },
  });
}

/** What is shown of a version, of a project's model or another. */
interface ShownVersion extends RoutedVersion {
  readonly queuedRows: number;
  readonly session: Pick<Session, 'placement' | 'provider'>;
}

type ShownModels = () => readonly { readonly name: string; readonly router: ModelRouter<ShownVersion> }[];

function observeVersions(registers: Registry[], models: ShownModels): void {
  new Gauge({
    name: 'millrace_inference_queue_rows',
    help: 'Rows that wait for a batch.',
    labelNames: ['model'],
    registers,
    collect() {
      for (const { name: model, router } of models()) this.set({ model }, router.loaded.reduce((sum, { queuedRows }) => sum + queuedRows, 0));
    },
  });
  new Gauge({
    name: 'millrace_model_version_info',
    help: '1 for each version that is loaded: its role, placement and execution provider.',
    labelNames: ['model', 'version', 'role', 'placement', 'provider'],
    registers,
    collect() {
      this.reset();
      for (const { name: model, router } of models()) {
        for (const target of router.loaded) {
          const { placement, provider } = target.session;
          this.set({ model, version: target.version, role: router.roleOf(target), placement, provider }, 1);
        }
      }
    },
  });
}

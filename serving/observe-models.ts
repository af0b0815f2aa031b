import { Gauge, type Registry } from '../src/infra/metrics.ts';
import type { ModelRouter, RoutedVersion } from './router/model-router.ts';
import type { ServedModel } from './served-model.ts';
import type { RunnableVersion } from './tensors/runnable-version.ts';
import type { TensorModels } from './tensors/tensor-models.ts';

/** Figures that are read off the models when they are asked for. */
export function observeModels(
  registry: Registry,
  models: readonly ServedModel[],
  tensorModels: Pick<TensorModels, 'all' | 'loaded'>,
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
  observeVersions(registers, () => [
    ...models.map(({ name, router }) => ({ name, router, loaded: router.loaded })),
    ...tensorModels.all.map(({ name, router }) => ({ name, router, loaded: tensorModels.loaded.filter(({ signature }) => signature.model === name) })),
  ]);
  new Gauge({
    name: 'millrace_requests_in_flight',
    help: 'Predictions and inferences that are under way.',
    labelNames: ['model'],
    registers,
    collect() {
      for (const { name: model, limiter } of [...models, ...tensorModels.all]) this.set({ model }, limiter.inFlight);
    },
  });
  new Gauge({
    name: 'millrace_concurrency_limit_requests',
    help: 'Requests that may be under way at one time; nothing where MILLRACE_SERVING_CONCURRENCY is off.',
    labelNames: ['model'],
    registers,
    collect() {
      for (const { name: model, limiter } of [...models, ...tensorModels.all]) if (limiter.limit !== null) this.set({ model }, limiter.limit);
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
  readonly session: RunnableVersion['session'];
}

/** `loaded` has what the router has, and what only an ensemble runs. */
type ShownModels = () => readonly { readonly name: string; readonly router: ModelRouter<ShownVersion>; readonly loaded: readonly ShownVersion[] }[];

function observeVersions(registers: Registry[], models: ShownModels): void {
  new Gauge({
    name: 'millrace_inference_queue_rows',
    help: 'Rows that wait for a batch.',
    labelNames: ['model'],
    registers,
    collect() {
      for (const { name: model, loaded } of models()) this.set({ model }, loaded.reduce((sum, { queuedRows }) => sum + queuedRows, 0));
    },
  });
  new Gauge({
    name: 'millrace_model_version_info',
    help: '1 for each version that is loaded: its role, placement and execution provider.',
    labelNames: ['model', 'version', 'role', 'placement', 'provider'],
    registers,
    collect() {
      this.reset();
      for (const { name: model, router, loaded } of models()) {
        const allocated = new Map(router.loaded.map((target) => [target.version, router.roleOf(target)]));
        for (const { version, session } of loaded) {
          this.set({ model, version, role: allocated.get(version) ?? 'member', placement: session.placement, provider: session.provider }, 1);
        }
      }
    },
  });
}

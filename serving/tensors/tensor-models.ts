import type { Logger } from '../../src/infra/logger.ts';
import type { Registry } from '../../src/registry/registry.ts';
import { systemTimers } from '../batcher/timers.ts';
import { ConcurrencyLimiter } from '../limit/concurrency-limiter.ts';
import type { GradientLimit } from '../limit/gradient-limit.ts';
import { ModelRouter } from '../router/model-router.ts';
import type { ServingMetrics } from '../serving-metrics.ts';
import type { SessionHost } from '../session-host/session-host.ts';
import { loadEnsembleVersion } from './ensemble-version.ts';
import type { RunnableVersion } from './runnable-version.ts';
import { SharedVersions } from './shared-versions.ts';
import { loadTensorVersion } from './tensor-version.ts';

/** A model without a feature service, ready to take requests. */
export interface TensorModel {
  readonly name: string;
  readonly router: ModelRouter<RunnableVersion>;
  /** In front of the whole path; what an ensemble runs counts for the ensemble. */
  readonly limiter: ConcurrencyLimiter;
  /** Failed answers of each version since the process started. */
  readonly errorsByVersion: Map<number, number>;
}

export interface TensorModelsOptions {
  readonly registry: Pick<Registry, 'listTensorModels' | 'readTensorBundle'>;
  readonly host: SessionHost;
  readonly queueRowsMax: number;
  readonly createLimit: () => GradientLimit | null;
  readonly metrics: ServingMetrics;
  readonly onStatus: () => void;
  readonly logger: Logger;
}

/** The models that no project defines. They are found in the registry, and new ones while the process runs. */
export class TensorModels {
  readonly #options: TensorModelsOptions;
  readonly #models = new Map<string, TensorModel>();
  readonly #shared = new SharedVersions((model, version) => this.#load(model, version));
  /** Those that were there when the registry first answered. */
  #first: readonly TensorModel[] | null = null;

  constructor(options: TensorModelsOptions) {
    this.#options = options;
  }

  get all(): readonly TensorModel[] {
    return [...this.#models.values()];
  }

  /** Every version that is loaded, whether its own model is allocated it or an ensemble runs it. */
  get loaded(): readonly RunnableVersion[] {
    return this.#shared.loaded;
  }

  /**
   * The models that were there when the process began are ready. One that is registered later is loaded beside them: it must
   * not take all processes out of their traffic at once.
   */
  get ready(): boolean {
    return this.#first?.every(({ router }) => router.ready) ?? false;
  }

  find(name: string): TensorModel | undefined {
    return this.#models.get(name);
  }

  /** Takes in the models that were registered since. @throws STORE_UNAVAILABLE */
  async discover(): Promise<void> {
    for (const name of await this.#options.registry.listTensorModels()) {
      if (!this.#models.has(name)) this.#models.set(name, this.#create(name));
    }
    this.#first ??= this.all;
  }

  /** Drains and closes every version. */
  async close(): Promise<void> {
    await Promise.all(this.all.map(({ router }) => router.close()));
  }

  #create(model: string): TensorModel {
    const { onStatus, logger, createLimit } = this.#options;
    const limiter = new ConcurrencyLimiter({ model, limit: createLimit(), timers: systemTimers });
    const loadVersion = (version: number) => this.#shared.acquire(model, version);
    return { name: model, router: new ModelRouter({ model, logger, onStatus, loadVersion }), limiter, errorsByVersion: new Map() };
  }

  async #load(model: string, version: number): Promise<RunnableVersion> {
    const { registry, host, queueRowsMax, metrics } = this.#options;
    const bundle = await registry.readTensorBundle(model, version);
    const { role } = bundle.graph;
    if (role === 'ensemble.json') return loadEnsembleVersion(bundle, (step) => this.#shared.acquire(step.model, step.version), systemTimers);
    const onBatch = (rows: number, tookMs: number): void => metrics.versions.ran(model, version, rows, tookMs);
    return loadTensorVersion(bundle, role, host, { queueRowsMax, timers: systemTimers, onBatch });
  }
}

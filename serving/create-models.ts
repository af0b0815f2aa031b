import { availableParallelism } from 'node:os';
import type { Names } from '../src/contracts/names.ts';
import type { Project } from '../src/define/project.ts';
import type { Logger } from '../src/infra/logger.ts';
import type { Postgres } from '../src/infra/postgres.ts';
import type { Redis } from '../src/infra/redis.ts';
import type { Tracer } from '../src/infra/tracing.ts';
import type { Registry } from '../src/registry/registry.ts';
import { systemTimers } from './batcher/timers.ts';
import { batchingOf, cachingOf } from './batching.ts';
import type { CacheOutcome } from './cache/score-cache.ts';
import { createScoreCache } from './cache/create-score-cache.ts';
import { SignedServices } from './features/signed-services.ts';
import { createLimit } from './limit/create-limit.ts';
import { loadVersion } from './router/load-version.ts';
import { ModelRouter } from './router/model-router.ts';
import { createServedModel, type ServedModel } from './served-model.ts';
import type { ServingMetrics } from './serving-metrics.ts';
import { SessionHost } from './session-host/session-host.ts';
import type { ServingSettings } from './settings.ts';

export interface ModelsOptions {
  readonly project: Project;
  readonly settings: ServingSettings;
  readonly logger: Logger;
  readonly postgres: Postgres;
  readonly redis: Redis;
  readonly names: Names;
  readonly registry: Registry;
  readonly metrics: ServingMetrics;
  readonly onStatus: () => void;
  readonly tracer?: Tracer | undefined;
}

/** The models of a project, each with a router that loads what the registry allocates. */
export function createModels(options: ModelsOptions): ServedModel[] {
  const { project, settings, logger, postgres, registry, metrics, onStatus } = options;
  const host = new SessionHost({ ...settings, logger, onRestart: () => metrics.sessionRestarts.inc() });
  return project.models.map((definition) => {
    const model = definition.name;
    metrics.requests.announce(model);
    const cacheRows = metrics.cacheRows.of(model);
    const caching = cachingOf(definition.serving, settings);
    const services = new SignedServices(postgres, project, definition.service);
    const load = {
      batching: batchingOf(definition.serving, settings, availableParallelism()),
      host,
      timers: systemTimers,
      serviceOf: (digest: string) => services.of(digest),
      tracer: options.tracer,
    };
    const loadOne = async (version: number) => {
      const onBatch = (rows: number, tookMs: number): void => metrics.versions.ran(model, version, rows, tookMs);
      const onRows = (outcome: CacheOutcome, rows: number): void => {
        cacheRows[outcome].value += rows;
        metrics.versions.of(model, version).tally.looked(outcome, rows);
      };
      const cacheOf = (digest: string, columns: number) => createScoreCache({ ...options, caching, timers: systemTimers }, digest, columns, onRows);
      return loadVersion(await registry.readBundle(model, version), { ...load, cacheOf, onBatch });
    };
    return createServedModel(definition, () => new ModelRouter({ model, logger, onStatus, loadVersion: loadOne }), createLimit(settings));
  });
}

/** The training worker: builds training sets and trains, each in a process of its own, and registers. */
import './stop-with-parent.ts';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { createTrainingActivities } from '../activities/training.ts';
import { compileService } from '../src/fold/compile-service.ts';
import { createArtifactStore } from '../src/infra/artifacts.ts';
import { loadBaseConfig } from '../src/infra/base-config.ts';
import { loadColdLogConfig } from '../src/infra/cold-log-config.ts';
import { loadProject } from '../src/infra/load-project.ts';
import { createLogger } from '../src/infra/logger.ts';
import { createMetrics } from '../src/infra/metrics.ts';
import { createPostgres } from '../src/infra/postgres.ts';
import { processEnvironment } from '../src/infra/process-environment.ts';
import { loadTracingConfig } from '../src/infra/tracing-config.ts';
import { openTracing } from '../src/infra/tracing.ts';
import { readSettings } from '../src/infra/settings.ts';
import { createColdLog, withColdLog } from '../src/store/cold-log/cold-log.ts';
import { createRegistry } from '../src/registry/registry.ts';
import { buildTrainingSet } from '../src/store/build-training-set.ts';
import { currentModel, recordService } from '../src/store/current-services.ts';
import { planTraining } from '../src/training/training-plan.ts';
import { runWorker } from './run-worker.ts';
import { metricsAddress, serveMetrics } from './serve-metrics.ts';

/** A training takes a core and hundreds of megabytes: more workers train more, not one worker. */
const ACTIVITIES_MAX = 1;

const settingsSchema = z.object({ tensorflowAddon: z.string().min(1).optional() });

const environment = processEnvironment();
const config = loadBaseConfig(environment);
const { tensorflowAddon } = readSettings(settingsSchema, { tensorflowAddon: 'MILLRACE_TENSORFLOW_ADDON' }, environment);
const tracingConfig = loadTracingConfig(environment);
const metricsAt = metricsAddress(environment);
const logger = createLogger('training', config.logLevel);
const project = await loadProject(config.project);
const { models } = project;
const scratchDirectory = path.resolve(config.dataDir, 'scratch');
await mkdir(scratchDirectory, { recursive: true });
const coldLog = createColdLog(loadColdLogConfig(environment));
const postgres = withColdLog(
  createPostgres({ url: config.postgresUrl, applicationName: 'millrace-training', logger }),
  coldLog,
);
const metricsRegistry = createMetrics('training');
const tracing = await openTracing(tracingConfig, { name: 'training', namespace: config.namespace, registry: metricsRegistry, logger });
const metrics = metricsAt === undefined ? undefined : await serveMetrics(metricsRegistry, metricsAt);
try {
  const artifacts = createArtifactStore(path.resolve(config.dataDir, 'artifacts'));
  await runWorker({
    resource: 'training',
    config,
    logger,
    registry: metricsRegistry,
    tracing,
    maxConcurrentActivityTaskExecutions: ACTIVITIES_MAX,
    activities: createTrainingActivities({
      registry: createRegistry(postgres, artifacts),
      artifacts,
      models,
      buildTrainingSet: async (given, dataCut) => {
        const model = await currentModel(postgres, project, given);
        const program = compileService(model.service);
        await recordService(postgres, program);
        const onProgress = (stage: string, durationMs: number, rows: number) =>
          logger.info({ model: model.name, stage, durationMs, rows }, 'training set');
        const built = await buildTrainingSet({ postgres, onProgress }, { model, dataCut });
        const { viewVersions } = planTraining(model);
        return { ...built, viewVersions };
      },
      scratchDirectory,
      addon: tensorflowAddon ?? null,
      environment,
    }),
  });
} finally {
  await metrics?.close();
  await postgres.close();
  coldLog.close();
  await tracing?.close();
}

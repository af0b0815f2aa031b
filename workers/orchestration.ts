/** The orchestration worker: workflows, and the light activities that they decide by. */
import './stop-with-parent.ts';
import path from 'node:path';
import { createAuditActivities } from '../activities/audit.ts';
import { createHistoricalActivities } from '../activities/historical.ts';
import { createMonitorActivities } from '../activities/monitor.ts';
import { createRegistryActivities } from '../activities/registry.ts';
import { createRolloutActivities } from '../activities/rollout.ts';
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
import { createColdLog, withColdLog } from '../src/store/cold-log/cold-log.ts';
import { createRegistry } from '../src/registry/registry.ts';
import { OnlineCatalog } from '../src/store/online-catalog.ts';
import { bundleWorkflows } from './bundle-workflows.ts';
import { runWorker } from './run-worker.ts';
import { metricsAddress, serveMetrics } from './serve-metrics.ts';

/** Evidence of a few models, monitors and commands at once; each holds a connection only while it asks. */
const ACTIVITIES_MAX = 40;

const environment = processEnvironment();
const config = loadBaseConfig(environment);
const tracingConfig = loadTracingConfig(environment);
const metricsAt = metricsAddress(environment);
const logger = createLogger('orchestration', config.logLevel);
const project = await loadProject(config.project);
const { models } = project;
const workflowBundle = await bundleWorkflows(path.join(config.dataDir, 'cache'), logger, tracingConfig.url !== undefined);
const coldLogConfig = loadColdLogConfig(environment);
const coldLog = createColdLog(coldLogConfig);
const postgres = withColdLog(
  createPostgres({ url: config.postgresUrl, applicationName: 'millrace-orchestration', logger }),
  coldLog,
);
const metricsRegistry = createMetrics('orchestration');
const tracing = await openTracing(tracingConfig, { name: 'orchestration', namespace: config.namespace, registry: metricsRegistry, logger });
const metrics = metricsAt === undefined ? undefined : await serveMetrics(metricsRegistry, metricsAt);
try {
  const registry = createRegistry(postgres, createArtifactStore(path.join(config.dataDir, 'artifacts')));
  await runWorker({
    resource: 'orchestration',
    config,
    logger,
    registry: metricsRegistry,
    tracing,
    workflowBundle,
    maxConcurrentActivityTaskExecutions: ACTIVITIES_MAX,
    activities: {
      ...createRegistryActivities({ registry }),
      ...createRolloutActivities({ postgres, registry, models }),
      ...createMonitorActivities({ postgres, registry, models }),
      ...createAuditActivities({ postgres, project }),
      ...createHistoricalActivities({
        postgres,
        postgresUrl: config.postgresUrl,
        coldLog: coldLogConfig,
        catalog: new OnlineCatalog(project),
      }),
    },
  });
} finally {
  await metrics?.close();
  await postgres.close();
  coldLog.close();
  await tracing?.close();
}

/** The stream worker: ingest, fold, decision sink and materialize, run as activities. */
import './stop-with-parent.ts';
import { createBackfillActivities } from '../activities/backfill.ts';
import { createColdLogActivities } from '../activities/cold-log.ts';
import { createMaterializeActivities } from '../activities/materialize.ts';
import { createStreamActivities } from '../activities/stream.ts';
import { createNames } from '../src/contracts/names.ts';
import { kafkaServers, loadBaseConfig } from '../src/infra/base-config.ts';
import { loadColdLogConfig } from '../src/infra/cold-log-config.ts';
import { createKafka } from '../src/infra/kafka.ts';
import { loadProject } from '../src/infra/load-project.ts';
import { createLogger } from '../src/infra/logger.ts';
import { createMetrics } from '../src/infra/metrics.ts';
import { createPostgres } from '../src/infra/postgres.ts';
import { processEnvironment } from '../src/infra/process-environment.ts';
import { loadTracingConfig } from '../src/infra/tracing-config.ts';
import { openTracing } from '../src/infra/tracing.ts';
import { createRedis } from '../src/infra/redis.ts';
import { createColdLog, withColdLog } from '../src/store/cold-log/cold-log.ts';
import { createOnlineStore } from '../src/store/online-store.ts';
import { createStreamMetrics } from '../src/stream/stream-metrics.ts';
import { runWorker } from './run-worker.ts';
import { metricsAddress, serveMetrics } from './serve-metrics.ts';

/** No statement of the event path or of a rebuild is silent for so long; a lost connection is noticed by it. */
const POSTGRES_SILENCE_MS_MAX = 60_000;
/** Ingest and fold members, the sink, rebuilds and questions for the lag. */
const ACTIVITIES_MAX = 20;

const environment = processEnvironment();
const config = loadBaseConfig(environment);
const coldLogConfig = loadColdLogConfig(environment);
const tracingConfig = loadTracingConfig(environment);
const metricsAt = metricsAddress(environment);
const logger = createLogger('stream', config.logLevel);
const project = await loadProject(config.project);
const names = createNames(config.namespace);
const kafka = createKafka({ ...kafkaServers(config), clientId: 'millrace-stream', logger });
const coldLog = createColdLog(coldLogConfig);
const postgres = withColdLog(
  createPostgres({
    url: config.postgresUrl,
    applicationName: 'millrace-stream',
    logger,
    silenceMsMax: POSTGRES_SILENCE_MS_MAX,
  }),
  coldLog,
);
const redis = createRedis({ url: config.redisUrl, role: 'write', logger });
const registry = createMetrics('stream');
const tracing = await openTracing(tracingConfig, { name: 'stream', namespace: config.namespace, registry, logger });
const metricsServer = metricsAt === undefined ? undefined : await serveMetrics(registry, metricsAt);
try {
  const deps = {
    project,
    kafka,
    postgres,
    names,
    logger,
    store: createOnlineStore(redis, names),
    clock: Date.now,
    metrics: createStreamMetrics(registry),
    tracer: tracing?.tracer,
  };
  await runWorker({
    resource: 'stream',
    config,
    logger,
    registry,
    tracing,
    maxConcurrentActivityTaskExecutions: ACTIVITIES_MAX,
    activities: {
      ...createStreamActivities(deps),
      ...createMaterializeActivities(deps),
      ...createBackfillActivities(deps),
      ...createColdLogActivities({ db: postgres, project, config: coldLogConfig, clock: Date.now }),
    },
  });
} finally {
  await metricsServer?.close();
  redis.disconnect();
  await kafka.close();
  await postgres.close();
  coldLog.close();
  await tracing?.close();
}

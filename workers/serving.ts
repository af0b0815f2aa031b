/** The serving process: answers predictions over HTTP until it is told to stop. */
import './stop-with-parent.ts';
import { loadServingSettings } from '../serving/settings.ts';
import { startServing } from '../serving/start-serving.ts';
import { loadBaseConfig } from '../src/infra/base-config.ts';
import { loadColdLogConfig } from '../src/infra/cold-log-config.ts';
import { loadProject } from '../src/infra/load-project.ts';
import { createLogger } from '../src/infra/logger.ts';
import { createMetrics } from '../src/infra/metrics.ts';
import { processEnvironment } from '../src/infra/process-environment.ts';
import { loadTracingConfig } from '../src/infra/tracing-config.ts';
import { openTracing } from '../src/infra/tracing.ts';
import { metricsAddress, serveMetrics } from './serve-metrics.ts';
import { stopOnSignal } from './stop-on-signal.ts';

const environment = processEnvironment();
const config = loadBaseConfig(environment);
const settings = loadServingSettings(environment);
const tracingConfig = loadTracingConfig(environment);
const metricsAt = metricsAddress(environment);
const logger = createLogger('serving', config.logLevel);
const registry = createMetrics('serving');
const tracing = await openTracing(tracingConfig, { name: 'serving', namespace: config.namespace, registry, logger });

const serving = await startServing({
  project: await loadProject(config.project),
  config,
  settings,
  coldLog: loadColdLogConfig(environment),
  logger,
  registry,
  tracer: tracing?.tracer,
});
// The HTTP port has them too; all workers have them on a port of their own, which a supervisor knows.
const metrics = metricsAt === undefined ? undefined : await serveMetrics(serving.metrics, metricsAt);

stopOnSignal(logger, async () => {
  await Promise.all([serving.stop(), metrics?.close()]);
  await tracing?.close();
});

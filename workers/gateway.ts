/** The gateway process: takes events over HTTP until it is told to stop. */
import './stop-with-parent.ts';
import { createNames } from '../src/contracts/names.ts';
import { kafkaServers, loadBaseConfig } from '../src/infra/base-config.ts';
import { createKafka } from '../src/infra/kafka.ts';
import { loadProject } from '../src/infra/load-project.ts';
import { createLogger } from '../src/infra/logger.ts';
import { createMetrics } from '../src/infra/metrics.ts';
import { processEnvironment } from '../src/infra/process-environment.ts';
import { loadTracingConfig } from '../src/infra/tracing-config.ts';
import { openTracing } from '../src/infra/tracing.ts';
import { createGateway } from '../src/stream/gateway.ts';
import { loadGatewaySettings } from '../src/stream/gateway-settings.ts';
import { metricsAddress, serveMetrics } from './serve-metrics.ts';
import { stopOnSignal } from './stop-on-signal.ts';

const environment = processEnvironment();
const config = loadBaseConfig(environment);
const settings = loadGatewaySettings(environment);
const tracingConfig = loadTracingConfig(environment);
const metricsAt = metricsAddress(environment);
const logger = createLogger('gateway', config.logLevel);
const { sources } = await loadProject(config.project);
const kafka = createKafka({ ...kafkaServers(config), clientId: 'millrace-gateway', logger });
const registry = createMetrics('gateway');
const tracing = await openTracing(tracingConfig, { name: 'gateway', namespace: config.namespace, registry, logger });
const gateway = await createGateway({
  kafka,
  names: createNames(config.namespace),
  sources,
  settings,
  clock: Date.now,
  logger,
  registry,
  tracer: tracing?.tracer,
});
const address = await gateway.listen({ host: settings.host, port: settings.port });
// After it listens, as of serving: `start` asks this port where it may not ask the other.
const metrics = metricsAt === undefined ? undefined : await serveMetrics(registry, metricsAt);
const guarded = settings.apiKeysFile !== undefined || settings.jwtIssuer !== undefined;
logger.info({ address, guarded }, 'gateway ready');

stopOnSignal(logger, async () => {
  await Promise.all([gateway.close(), metrics?.close()]);
  await kafka.close();
  await tracing?.close();
});

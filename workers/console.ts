/** The console process: shows over HTTP what happens, until it is told to stop. */
import './stop-with-parent.ts';
import { loadConsoleSettings } from '../console/settings.ts';
import { startConsole } from '../console/start-console.ts';
import { loadBaseConfig } from '../src/infra/base-config.ts';
import { loadProject } from '../src/infra/load-project.ts';
import { createLogger } from '../src/infra/logger.ts';
import { processEnvironment } from '../src/infra/process-environment.ts';
import { readProcesses } from './process-state.ts';
import { gatewayUrlOf, servingUrlOf } from './process-urls.ts';
import { metricsAddress, serveMetrics } from './serve-metrics.ts';
import { stopOnSignal } from './stop-on-signal.ts';

const environment = processEnvironment();
const config = loadBaseConfig(environment);
const settings = loadConsoleSettings(environment);
const metricsAt = metricsAddress(environment);
const logger = createLogger('console', config.logLevel);

const running = await startConsole({
  project: await loadProject(config.project),
  config,
  settings,
  addresses: {
    serving: servingUrlOf(environment),
    gateway: gatewayUrlOf(environment),
    temporalUi: settings.temporalUiUrl ?? null,
  },
  streamMetricsUrl: async () => {
    if (settings.streamMetricsUrl !== undefined) return settings.streamMetricsUrl;
    const stream = (await readProcesses(config.dataDir))?.processes.find(({ name }) => name === 'stream');
    return stream === undefined ? null : `http://127.0.0.1:${stream.metricsPort}/metrics`;
  },
  readProcesses: async () => {
    const state = await readProcesses(config.dataDir);
    return (
      state?.processes.map(({ name, status, restarts, since }) => ({ name, status, restarts, since })) ?? null
    );
  },
  logger,
});
// The HTTP port has them too; all workers have them on a port of their own, which a supervisor knows.
const metrics = metricsAt === undefined ? undefined : await serveMetrics(running.metrics, metricsAt);

stopOnSignal(logger, () => Promise.all([running.stop(), metrics?.close()]));

/** The serving process: answers predictions over HTTP and gRPC until it is told to stop; or the primary of several that do. */
import './stop-with-parent.ts';
import cluster, { type Worker } from 'node:cluster';
import { loadServingSettings, type ServingSettings } from '../serving/settings.ts';
import { loadBaseConfig } from '../src/infra/base-config.ts';
import { loadColdLogConfig } from '../src/infra/cold-log-config.ts';
import { createLogger } from '../src/infra/logger.ts';
import { createMetrics } from '../src/infra/metrics.ts';
import { processEnvironment } from '../src/infra/process-environment.ts';
import { loadTracingConfig } from '../src/infra/tracing-config.ts';
import { openTracing } from '../src/infra/tracing.ts';
import { metricsAddress, serveMetrics } from './serve-metrics.ts';
import { clusterChannel } from './serving-group/cluster-channel.ts';
import { MemberLink } from './serving-group/member-link.ts';
import { processCountOf, runServingGroup } from './serving-group/run-serving-group.ts';
import { stopOnSignal } from './stop-on-signal.ts';

const environment = processEnvironment();
const config = loadBaseConfig(environment);
const settings = loadServingSettings(environment);
const coldLog = loadColdLogConfig(environment);
const tracingConfig = loadTracingConfig(environment);
const metricsAt = metricsAddress(environment);
const logger = createLogger('serving', config.logLevel);
const { worker } = cluster;

if (worker !== undefined) await serveAsMember(worker);
else if (processCountOf(settings) > 1) await runServingGroup(settings, metricsAt, logger);
else await serveAlone();

async function serveAlone(): Promise<void> {
  const serving = await start(settings);
  // The HTTP port has them too; all workers have them on a port of their own, which a supervisor knows.
  const metrics = metricsAt === undefined ? undefined : await serveMetrics(serving.metrics, metricsAt);
  stopOnSignal(logger, () => Promise.all([serving.stop(), metrics?.close()]));
}

async function serveAsMember(line: Worker): Promise<void> {
  const member = process.argv[2] ?? String(line.id);
  const peers = new MemberLink({ member, channel: clusterChannel(line) });
  // One that takes another's place stands beside it for a while: the registry has to tell them apart.
  const serving = await start({ ...settings, ...(settings.process === undefined ? {} : { process: `${settings.process}/${line.id}` }) }, peers);
  stopOnSignal(logger, () => serving.stop());
}

/** What a primary has no need of is loaded by those that serve. */
async function start(own: ServingSettings, peers?: MemberLink) {
  const [{ startServing }, { loadProject }] = await Promise.all([import('../serving/start-serving.ts'), import('../src/infra/load-project.ts')]);
  const project = await loadProject(config.project);
  const registry = createMetrics('serving', peers === undefined ? {} : { member: peers.member });
  const tracing = await openTracing(tracingConfig, { name: 'serving', namespace: config.namespace, registry, logger });
  const joined = peers === undefined ? {} : { peers };
  const serving = await startServing({ project, config, settings: own, coldLog, logger, registry, tracer: tracing?.tracer, ...joined });
  return {
    metrics: serving.metrics,
    async stop(): Promise<void> {
      await serving.stop();
      await tracing?.close();
    },
  };
}

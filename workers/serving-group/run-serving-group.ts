import cluster from 'node:cluster';
import { availableParallelism } from 'node:os';
import type { ServingSettings } from '../../serving/settings.ts';
import type { Logger } from '../../src/infra/logger.ts';
import { createMetrics } from '../../src/infra/metrics.ts';
import { serveMetrics, type MetricsAddress, type MetricsServer } from '../serve-metrics.ts';
import { stopOnSignal } from '../stop-on-signal.ts';
import { observeGroup } from './group-metrics.ts';
import { handOverAgain } from './hand-over-again.ts';
import { ServingGroup } from './serving-group.ts';

/** Decisions and sessions get time of their own behind the requests. */
const STOP_MARGIN_MS = 5_000;
/** Start of a process from TypeScript, besides the opening of its models. */
const START_LIMIT_MS = 60_000;

export const processCountOf = ({ processes }: ServingSettings): number => (processes === 'auto' ? availableParallelism() : processes);

/**
 * The primary of several serving processes on one port. Connections are handed out in turn: where the processes
 * accept by themselves instead, some get several times as many long-lived connections as others.
 */
export async function runServingGroup(settings: ServingSettings, metricsAt: MetricsAddress | undefined, logger: Logger): Promise<void> {
  cluster.schedulingPolicy = cluster.SCHED_RR;
  const registry = createMetrics('serving', { member: 'primary' });
  let metrics: Promise<MetricsServer> | undefined;
  const group: ServingGroup = new ServingGroup({
    count: processCountOf(settings),
    fork: (place) => {
      cluster.setupPrimary({ args: [String(place)] });
      const worker = cluster.fork();
      handOverAgain(worker);
      return worker;
    },
    stopLimitMs: settings.retireMs + settings.drainTimeoutMs + STOP_MARGIN_MS,
    readyLimitMs: START_LIMIT_MS + settings.openTimeoutMs,
    metrics: () => registry.metrics(),
    // As with a process alone: that the port of metrics answers tells that those of serving do.
    onListening: () => {
      metrics = metricsAt === undefined ? undefined : serveMetrics({ contentType: registry.contentType, metrics: () => group.metrics() }, metricsAt);
    },
    logger,
  });
  observeGroup(registry, group);
  group.start();
  stopOnSignal(logger, () => Promise.all([group.stop(), metrics?.then((server) => server.close())]));
  process.on('SIGUSR2', () => {
    logger.info('rolling restart');
    void group.restartRolling().then(() => logger.info('rolling restart is over'));
  });
  const reason = await group.givenUp;
  logger.fatal({ reason }, 'the serving processes are given up');
  await group.stop();
  process.exit(1);
}

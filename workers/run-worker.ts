import { Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import { createNames, type TaskQueue } from '../src/contracts/names.ts';
import { temporalServer, type BaseConfig } from '../src/infra/base-config.ts';
import type { Logger } from '../src/infra/logger.ts';
import type { Registry } from '../src/infra/metrics.ts';
import { connectTemporalWorker } from '../src/infra/temporal.ts';
import type { Tracing } from '../src/infra/tracing.ts';
import { measureActivities } from './activity-metrics.ts';

/** Activities in hand get this long to finish before they are cancelled. */
const SHUTDOWN_GRACE = '5s';
/** What does not end even then is left behind; the supervisor's limit is above it. */
const SHUTDOWN_FORCE = '12s';
/** A cancellation reaches an activity with the answer to a heartbeat: so long it may take. */
const HEARTBEAT_INTERVAL = '2s';

export interface RunWorkerOptions
  extends Pick<WorkerOptions, 'activities' | 'workflowBundle' | 'maxConcurrentActivityTaskExecutions'> {
  readonly resource: TaskQueue;
  readonly config: BaseConfig;
  readonly logger: Logger;
  /** Metrics of the process. */
  readonly registry: Registry;
  /** Absent where tracing is off. */
  readonly tracing: Tracing | undefined;
}

/**
 * Works off one task queue until the process is told to stop (SIGTERM or SIGINT), then until what is in
 * hand is done. Waits while Temporal is not there yet.
 */
export async function runWorker({ resource, config, logger, registry, tracing, ...options }: RunWorkerOptions): Promise<void> {
  installRuntime(logger);
  const target = temporalServer(config);
  const connection = await connectTemporalWorker(target, logger);
  try {
    const traced = (await tracing?.temporal())?.worker;
    const worker = await Worker.create({
      connection,
      namespace: target.namespace,
      taskQueue: createNames(config.namespace).taskQueue(resource),
      shutdownGraceTime: SHUTDOWN_GRACE,
      shutdownForceTime: SHUTDOWN_FORCE,
      maxHeartbeatThrottleInterval: HEARTBEAT_INTERVAL,
      ...options,
      interceptors: { activity: [measureActivities(registry), ...(traced?.interceptors?.activity ?? [])] },
      ...(traced?.sinks === undefined ? {} : { sinks: traced.sinks }),
    });
    logger.info({ taskQueue: worker.options.taskQueue }, 'worker ready');
    await worker.run();
    logger.info('worker stopped');
  } finally {
    await connection.close();
  }
}

/** Temporal's own log lines go where ours go. */
function installRuntime(logger: Logger): void {
  const at = (level: 'trace' | 'debug' | 'info' | 'warn' | 'error') => (message: string, meta?: object) => logger[level](meta ?? {}, message);
  Runtime.install({
    logger: {
      log: (level, message, meta) => logger[level.toLowerCase() as 'trace' | 'debug' | 'info' | 'warn' | 'error'](meta ?? {}, message),
      trace: at('trace'),
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
    },
  });
}

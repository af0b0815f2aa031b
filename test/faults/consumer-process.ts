/**
 * One member of the ingest group, of the fold group, or a rebuild of all views, in a process that can be killed. Told
 * by message to die at a failpoint; ends with 1 when its consumer ends by itself, as the activity would fail.
 */
import '../../workers/stop-with-parent.ts';
import { createNames } from '../../src/contracts/names.ts';
import { isMillraceError } from '../../src/core/millrace-error.ts';
import { loadBaseConfig } from '../../src/infra/base-config.ts';
import { createKafka } from '../../src/infra/kafka.ts';
import { createLogger } from '../../src/infra/logger.ts';
import { createMetrics } from '../../src/infra/metrics.ts';
import { createPostgres } from '../../src/infra/postgres.ts';
import { processEnvironment } from '../../src/infra/process-environment.ts';
import { createRedis } from '../../src/infra/redis.ts';
import { partitionsOf } from '../../src/fold/partition-of.ts';
import { materializePartitions } from '../../src/store/materialize.ts';
import { createOnlineStore } from '../../src/store/online-store.ts';
import { programsOf } from '../../src/store/project-definitions.ts';
import type { Failpoints } from '../../src/stream/failpoints.ts';
import { startFoldConsumer } from '../../src/stream/fold-consumer.ts';
import { startIngest } from '../../src/stream/ingest.ts';
import { createStreamMetrics } from '../../src/stream/stream-metrics.ts';
import faultsProject from './faults-project.ts';
import {
  SESSION_TIMEOUT_MS,
  type ConsumerOrder,
  type ConsumerRole,
  type DeathPoint,
} from './consumer-order.ts';

/** Shorter than the stream worker's, as the session is: what it does is the same. */
const POSTGRES_SILENCE_MS_MAX = 8_000;
const REBUILD_RETRY_MS = 100;

const environment = processEnvironment();
const config = loadBaseConfig(environment);
const role = environment['MILLRACE_FAULTS_ROLE'] as ConsumerRole;
const logger = createLogger(`faults-${role}`, config.logLevel);
const names = createNames(config.namespace);
const kafka = createKafka({ brokers: config.kafkaBrokers, clientId: 'faults', logger });
const postgres = createPostgres({
  url: config.postgresUrl,
  applicationName: 'faults',
  logger,
  silenceMsMax: POSTGRES_SILENCE_MS_MAX,
});
const redis = createRedis({ url: config.redisUrl, role: 'write', logger });
const programs = programsOf(faultsProject);

let order: ConsumerOrder | undefined;
process.on('message', (message) => {
  order = message as ConsumerOrder;
});

/** A crash at the nth pass: what was done is done, nothing after it is. */
function passes(point: DeathPoint): void {
  if (order?.dieAt !== point) return;
  order = { ...order, passes: order.passes - 1 };
  if (order.passes <= 0) process.kill(process.pid, 'SIGKILL');
}

const failpoints: Failpoints = {
  afterFramesSent: () => passes('afterFramesSent'),
  afterLogCommitted: () => passes('afterLogCommitted'),
  beforeStatesWritten: () => passes('beforeStatesWritten'),
  afterStatesWritten: () => passes('afterStatesWritten'),
};
const deps = {
  kafka,
  postgres,
  store: createOnlineStore(redis, names),
  names,
  logger,
  clock: Date.now,
  metrics: createStreamMetrics(createMetrics('faults')),
  sessionTimeoutMs: SESSION_TIMEOUT_MS,
  failpoints,
};

async function rebuildAll(): Promise<void> {
  for (const program of programs) {
    for (let left = partitionsOf(program); left.length > 0;) {
      try {
        left = [...(await materializePartitions(deps, program, left, { onProgress: () => passes('inRebuild') })).busy];
      } catch (error) {
        // Lost to Redis' own fault: as an activity's retry does, begin it again.
        if (!isMillraceError(error) || !error.retryable) throw error;
      }
      if (left.length > 0) await new Promise((resolve) => setTimeout(resolve, REBUILD_RETRY_MS));
    }
  }
}

if (role === 'rebuild') {
  process.send?.('ready');
  await rebuildAll();
  process.exit(0);
}
const consumer =
  role === 'ingest' ? startIngest(deps, faultsProject.sources, programs) : startFoldConsumer(deps, programs);
const running = await consumer;
process.on('SIGTERM', () => {
  void running.stop().then(
    () => process.exit(0),
    (error: unknown) => {
      logger.error({ err: error }, 'did not stop in order');
      process.exit(1);
    },
  );
});
running.ended.catch((error: unknown) => {
  logger.error({ err: error }, 'consumer ended by itself');
  process.exit(1);
});
process.send?.('ready');

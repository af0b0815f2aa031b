/** The consumers of the benchmark in a process of their own, as the stream worker runs them. Answers on its channel. */
import project from '../../examples/flights/project.ts';
import { createNames } from '../../src/contracts/names.ts';
import { createKafka } from '../../src/infra/kafka.ts';
import { createLogger } from '../../src/infra/logger.ts';
import { createMetrics } from '../../src/infra/metrics.ts';
import { createPostgres } from '../../src/infra/postgres.ts';
import { processEnvironment } from '../../src/infra/process-environment.ts';
import { createRedis } from '../../src/infra/redis.ts';
import { loadBaseConfig } from '../../src/infra/base-config.ts';
import { createOnlineStore } from '../../src/store/online-store.ts';
import { programsOf } from '../../src/store/project-definitions.ts';
import { startFoldConsumer } from '../../src/stream/fold-consumer.ts';
import { startIngest } from '../../src/stream/ingest.ts';
import { createStreamMetrics } from '../../src/stream/stream-metrics.ts';

const config = loadBaseConfig(processEnvironment());
const logger = createLogger('bench-stream', 'warn');
const names = createNames(config.namespace);
const kafka = createKafka({ brokers: config.kafkaBrokers, clientId: 'bench-stream', logger });
const postgres = createPostgres({ url: config.postgresUrl, applicationName: 'bench-stream', logger });
const redis = createRedis({ url: config.redisUrl, role: 'write', logger });
const store = createOnlineStore(redis, names);
const programs = programsOf(project);
const deps = {
  kafka,
  postgres,
  store,
  names,
  logger,
  clock: Date.now,
  metrics: createStreamMetrics(createMetrics('bench')),
};
const consumers = [
  await startIngest(deps, project.sources, programs),
  await startFoldConsumer(deps, programs),
];
process.send?.('ready');
process.on('message', (message) => {
  if (message === 'usage') {
    const { user, system } = process.cpuUsage();
    process.send?.({ cpuMs: (user + system) / 1_000, rssBytes: process.memoryUsage().rss });
    return;
  }
  void Promise.all(consumers.map((consumer) => consumer.stop())).then(async () => {
    redis.disconnect();
    await kafka.close();
    await postgres.close();
    process.disconnect();
  });
});

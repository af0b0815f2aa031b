/**
 * Online reads in a process that does nothing else, as Feast's SDK has one: `read-online.ts <namespace>` prints, by number
 * of entities, quantiles of their times in ms as JSON. Started by run-feast.ts.
 */
import { createNames } from '../../src/contracts/names.ts';
import { loadBaseConfig } from '../../src/infra/base-config.ts';
import { createLogger } from '../../src/infra/logger.ts';
import { createMetrics } from '../../src/infra/metrics.ts';
import { processEnvironment } from '../../src/infra/process-environment.ts';
import { createRedis, redisReady } from '../../src/infra/redis.ts';
import { OnlineCatalog } from '../../src/store/online-catalog.ts';
import { createOnlineStore } from '../../src/store/online-store.ts';
import { systemTimers } from '../../serving/batcher/timers.ts';
import { OnlineFeatures } from '../../serving/features/online-features.ts';
import { ViewReader } from '../../serving/features/view-reader.ts';
import { createServingMetrics } from '../../serving/serving-metrics.ts';
import { quantile } from '../measure/quantile.ts';
import project from './feast-project.ts';
import { AS_OF, customersOf, viewNames } from './feature-rows.ts';

/** Enough that the quantiles are those of compiled code: what a process does in its first second is no tail. */
const READS = { 1: 20_000, 10: 5_000, 100: 1_500 } as const;
const WARM_UP = 0.2;

const { redisUrl } = loadBaseConfig({ ...processEnvironment(), MILLRACE_PROJECT: 'given as a value' });
const redis = createRedis({ url: redisUrl, role: 'read', logger: createLogger('bench', 'warn') });
await redisReady(redis);
const online = new OnlineFeatures({
  catalog: new OnlineCatalog(project),
  reader: new ViewReader(createOnlineStore(redis, createNames(process.argv[2] ?? ''))),
  metrics: createServingMetrics(createMetrics('bench')),
  timers: systemTimers,
  clock: Date.now,
  entitiesMax: 1_000,
  keysMax: 4_096,
  timeoutMs: 10_000,
});
const answer: Record<string, { p50: number; p99: number }> = {};
for (const [size, reads] of Object.entries(READS)) {
  const taken: number[] = [];
  for (let i = 0; i < reads; i++) {
    const entities = customersOf(i * Number(size), Number(size)).map((customer) => ({ customer }));
    const startedAt = performance.now();
    await online.read({ selection: { views: viewNames }, entities, asOf: AS_OF, include: { ages: false, fences: false, texts: false } });
    taken.push(performance.now() - startedAt);
  }
  const counted = taken.slice(reads * WARM_UP);
  answer[size] = { p50: quantile(counted, 0.5), p99: quantile(counted, 0.99) };
}
redis.disconnect();
console.log(JSON.stringify(answer));

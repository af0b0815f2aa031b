/**
 * Reads of online features of the flights project, 3 views and 20 features, for 1, 10 and 100 entities: in this process
 * against Redis, and over HTTP from a serving process of its own, beside a bare Node server that parses the same bodies
 * and answers the same bytes (the floor of HTTP in the same run).
 * Servers: MILLRACE_POSTGRES_URL (a scratch database is made), MILLRACE_REDIS_URL, MILLRACE_KAFKA_BROKERS.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createNames } from '../../src/contracts/names.ts';
import { partitionOf } from '../../src/fold/partition-of.ts';
import { encodeState } from '../../src/fold/state-codec.ts';
import { applyEvent, createState } from '../../src/fold/view-state.ts';
import { loadBaseConfig } from '../../src/infra/base-config.ts';
import { createKafka } from '../../src/infra/kafka.ts';
import { createLogger } from '../../src/infra/logger.ts';
import { createMetrics } from '../../src/infra/metrics.ts';
import { migrate } from '../../src/infra/migrate.ts';
import { createPostgres } from '../../src/infra/postgres.ts';
import { processEnvironment } from '../../src/infra/process-environment.ts';
import { createRedis, redisReady } from '../../src/infra/redis.ts';
import { OnlineCatalog } from '../../src/store/online-catalog.ts';
import { createOnlineStore } from '../../src/store/online-store.ts';
import { systemTimers } from '../../serving/batcher/timers.ts';
import { OnlineFeatures } from '../../serving/features/online-features.ts';
import { ViewReader } from '../../serving/features/view-reader.ts';
import { createServingMetrics } from '../../serving/serving-metrics.ts';
import flights from '../../examples/flights/project.ts';
import { freePort, ROOT, run } from './bench-process.ts';

const PROJECT = path.join(ROOT, 'examples/flights/project.ts');
const VIEWS = 3;
const FEATURES = 20;
const SIZES = [1, 10, 100];
const BODIES = 200;
const KEYS_PER_FIELD = 500;
const EVENTS_PER_KEY = 60;
const READS = 2_000;
const SECONDS = 5;
const HOUR_MS = 3_600_000;
const asOf = Date.UTC(2013, 5, 1);

const name = `bench-online-${process.pid}`;
const dataDir = mkdtempSync(path.join(tmpdir(), 'millrace-bench-'));
const logger = createLogger('bench', 'warn');
const base = loadBaseConfig({ ...processEnvironment(), MILLRACE_PROJECT: PROJECT });
const admin = createPostgres({ url: base.postgresUrl, applicationName: 'bench', logger });
const database = name.replaceAll('-', '_');
await admin.query(`CREATE DATABASE ${database}`);
const url = new URL(base.postgresUrl);
url.pathname = `/${database}`;
const names = createNames(name);
const redis = createRedis({ url: base.redisUrl, role: 'read', logger });
const kafka = createKafka({ brokers: base.kafkaBrokers, clientId: name, logger });
await redisReady(redis);

const catalog = new OnlineCatalog(flights);
const features = [...flights.views]
  .sort((a, b) => Object.keys(b.features).length - Object.keys(a.features).length)
  .slice(0, VIEWS)
  .flatMap((view) => Object.keys(view.features).map((feature) => `${view.name}.${feature}`))
  .slice(0, FEATURES);
const plan = catalog.plan({ features });
const entity = (i: number) =>
  Object.fromEntries(Object.keys(plan.schema).map((field) => [field, `${field}-${(i * 7) % KEYS_PER_FIELD}`]));
const entitiesOf = (body: number, size: number) => Array.from({ length: size }, (_, i) => entity(body * size + i));

async function prepare(): Promise<void> {
  const postgres = createPostgres({ url: url.href, applicationName: 'bench', logger });
  await migrate(postgres, path.join(ROOT, 'migrations'));
  await postgres.close();
  await kafka.ensureTopics([{ topic: names.decisionTopic(), partitions: 1 }]);
  for (const view of plan.views) {
    const inputs = new Float64Array(view.inputCount).fill(1);
    for (let i = 0; i < KEYS_PER_FIELD; i++) {
      const key = view.view.entity.keys.map((field) => String(entity(i)[field])).join('\u001f');
      const state = createState(view);
      for (let e = 0; e < EVENTS_PER_KEY; e++) {
        const at = asOf - (EVENTS_PER_KEY - e) * (HOUR_MS / 4);
        applyEvent(view, state, e % view.view.source.partitions, e, at, at, inputs, 0);
      }
      const stateKey = names.stateKey(view.name, view.version, partitionOf(key, view.partitions), key);
      await redis.set(stateKey, Buffer.from(encodeState(view, state)), 'EX', 600);
    }
  }
}

const quantiles = (ms: readonly number[]): string => {
  const sorted = [...ms].sort((a, b) => a - b);
  const at = (q: number) => sorted[Math.floor((sorted.length - 1) * q)]!.toFixed(3);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`;
};

await prepare();
process.stdout.write(`${plan.views.length} views, ${features.length} features\n`);
const online = new OnlineFeatures({
  catalog,
  reader: new ViewReader(createOnlineStore(redis, names)),
  metrics: createServingMetrics(createMetrics('bench')),
  timers: systemTimers,
  clock: Date.now,
  entitiesMax: 1_000,
  keysMax: 4_096,
  timeoutMs: 10_000,
});
const include = { ages: true, fences: false };
/** What the floor answers: the bytes of the last read of that size. */
const answers = new Map<number, string>();
for (const size of SIZES) {
  const taken: number[] = [];
  const cpuBefore = process.cpuUsage();
  for (let i = 0; i < READS; i++) {
    const startedAt = performance.now();
    const answer = await online.read({ selection: { features }, entities: entitiesOf(i % BODIES, size), asOf, include });
    if (i >= READS / 5) taken.push(performance.now() - startedAt);
    if (i === READS - 1) answers.set(size, JSON.stringify(answer));
  }
  const { user, system } = process.cpuUsage(cpuBefore);
  process.stdout.write(`in process, ${size} entities: ${quantiles(taken)}, ${((user + system) / 1_000 / READS).toFixed(2)} ms CPU\n`);
}

const port = await freePort();
const serving = run('workers/serving.ts', [], {
  MILLRACE_NAMESPACE: name,
  MILLRACE_DATA_DIR: dataDir,
  MILLRACE_PROJECT: PROJECT,
  MILLRACE_POSTGRES_URL: url.href,
  MILLRACE_SERVING_PORT: String(port),
  MILLRACE_SERVING_PROVIDERS: 'cpu',
  MILLRACE_LOG_LEVEL: 'warn',
});
const origin = `http://127.0.0.1:${port}`;
while ((await fetch(`${origin}/v1/health/live`).catch(() => null))?.ok !== true) {
  await new Promise((resolve) => setTimeout(resolve, 100));
}
/** CPU time per request tells the cost of the code even where others use the machine. */
async function usage(): Promise<{ cpuMs: number; requests: number }> {
  const text = await (await fetch(`${origin}/metrics`)).text();
  const value = (metric: string): number => Number(new RegExp(`^${metric}(?:\\{[^}]*\\})? (\\S+)`, 'm').exec(text)?.[1] ?? 0);
  return { cpuMs: value('process_cpu_seconds_total') * 1_000, requests: value('millrace_online_read_keys_count') };
}
const floor = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const { entities } = JSON.parse(Buffer.concat(chunks).toString()) as { entities: unknown[] };
    response.setHeader('content-type', 'application/json').end(answers.get(entities.length));
  });
});
await new Promise<void>((resolve) => floor.listen(0, '127.0.0.1', resolve));
const floorUrl = `http://127.0.0.1:${(floor.address() as AddressInfo).port}/`;
for (const size of SIZES) {
  const file = path.join(dataDir, `bodies-${size}.json`);
  const bodies = Array.from({ length: BODIES }, (_, body) => JSON.stringify({ features, entities: entitiesOf(body, size), asOf }));
  writeFileSync(file, JSON.stringify(bodies));
  for (const connections of ['1', '16']) {
    for (const [what, target] of [['online', `${origin}/v1/features/online`], ['floor ', floorUrl]] as const) {
      process.stdout.write(`${what} ${size} entities, `);
      const before = await usage();
      await run('bench/serving/load.ts', [target, file, 'closed', connections, String(SECONDS)]).ended;
      const after = await usage();
      if (after.requests === before.requests) continue;
      const cpuMs = (after.cpuMs - before.cpuMs) / (after.requests - before.requests);
      process.stdout.write(`  serving process: ${cpuMs.toFixed(2)} ms CPU a request\n`);
    }
  }
}
floor.close();
floor.closeAllConnections();
serving.child.kill('SIGTERM');
process.stdout.write(`serving ended with code ${String(await serving.ended)}\n`);
await kafka.deleteTopics([names.decisionTopic()]);
await Promise.allSettled([kafka.close(), redis.quit()]);
await admin.query(`DROP DATABASE ${database} WITH (FORCE)`);
await admin.close();
rmSync(dataDir, { recursive: true });

/**
 * Reads of online features of the flights project, 3 views and 20 features, for 1, 10 and 100 entities: in this process
 * against Redis, and over HTTP from a serving process of its own, beside a bare Node server that parses the same bodies
 * and answers the same bytes (the floor of HTTP in the same run).
 * Servers: MILLRACE_POSTGRES_URL (a scratch database is made), MILLRACE_REDIS_URL, MILLRACE_KAFKA_BROKERS.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createMetrics } from '../../src/infra/metrics.ts';
import { OnlineCatalog } from '../../src/store/online-catalog.ts';
import { createOnlineStore } from '../../src/store/online-store.ts';
import { systemTimers } from '../../serving/batcher/timers.ts';
import { OnlineFeatures } from '../../serving/features/online-features.ts';
import { ViewReader } from '../../serving/features/view-reader.ts';
import { createServingMetrics } from '../../serving/serving-metrics.ts';
import flights from '../../examples/flights/project.ts';
import { openLoadGenerator } from '../measure/load-generator.ts';
import { quantile } from '../measure/quantile.ts';
import { runHeading } from '../measure/run-heading.ts';
import { asOf, FLIGHTS, openBenchStage } from './bench-stage.ts';

const VIEWS = 3;
const FEATURES = 20;
const SIZES = [1, 10, 100];
const BODIES = 200;
const KEYS_PER_FIELD = 500;
const READS = 2_000;
const SECONDS = 5;

console.log(runHeading('npx tsx bench/serving/online-features.ts'));
const stage = await openBenchStage('online', FLIGHTS);
const { names, redis } = stage;
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

const quantiles = (ms: readonly number[]): string => `p50 ${quantile(ms, 0.5).toFixed(3)} ms, p99 ${quantile(ms, 0.99).toFixed(3)} ms`;

for (const view of plan.views) {
  const keys = Array.from({ length: KEYS_PER_FIELD }, (_, i) => view.view.entity.keys.map((field) => String(entity(i)[field])).join('\u001f'));
  await stage.writeStates(view, keys);
}
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

const serving = await stage.startServing();
const { origin } = serving;
await serving.answers();
const generator = await openLoadGenerator();
const usage = () => serving.usage('millrace_online_read_keys_count');
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
  const bodies = Array.from({ length: BODIES }, (_, body) => JSON.stringify({ features, entities: entitiesOf(body, size), asOf }));
  for (const connections of [1, 16]) {
    for (const [what, url] of [['online', `${origin}/v1/features/online`], ['floor ', floorUrl]] as const) {
      const before = await usage();
      const { rate, ms } = await generator.loadAllAnswered({ url, bodies, loop: { kind: 'closed', connections }, seconds: SECONDS });
      console.log(`${what} ${size} entities, ${connections} connections: ${rate.toFixed(0)} requests/s, p50 ${ms.p50.toFixed(2)} ms, p95 ${ms.p95.toFixed(2)} ms, p99 ${ms.p99.toFixed(2)} ms`);
      const after = await usage();
      if (after.requests === before.requests) continue;
      const cpuMs = (after.cpuMs - before.cpuMs) / (after.requests - before.requests);
      process.stdout.write(`  serving process: ${cpuMs.toFixed(2)} ms CPU a request\n`);
    }
  }
}
generator.close();
floor.close();
floor.closeAllConnections();
await serving.stop();
await stage.close();

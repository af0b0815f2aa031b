/**
 * Predictions by entity keys of the flights project, against the real servers and a serving process of
 * its own: latency at 1,000 requests a second (open loop), throughput with 16 and 64 connections.
 * Servers: MILLRACE_POSTGRES_URL (a scratch database is made), MILLRACE_REDIS_URL, MILLRACE_KAFKA_BROKERS.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ModelSignature } from '../../src/contracts/model-bundle.ts';
import { createNames } from '../../src/contracts/names.ts';
import type { Schema } from '../../src/define/field.ts';
import { compileService, requestKeyOf } from '../../src/fold/compile-service.ts';
import { partitionOf } from '../../src/fold/partition-of.ts';
import { encodeState } from '../../src/fold/state-codec.ts';
import { applyEvent, createState } from '../../src/fold/view-state.ts';
import { createArtifactStore } from '../../src/infra/artifacts.ts';
import { loadBaseConfig } from '../../src/infra/base-config.ts';
import { createKafka } from '../../src/infra/kafka.ts';
import { createLogger } from '../../src/infra/logger.ts';
import { migrate } from '../../src/infra/migrate.ts';
import { createPostgres } from '../../src/infra/postgres.ts';
import { processEnvironment } from '../../src/infra/process-environment.ts';
import { createRedis } from '../../src/infra/redis.ts';
import { createRegistry } from '../../src/registry/registry.ts';
import { serviceDigest } from '../../src/store/service-digest.ts';
import { tinyGolden, tinyOnnx, type TinyModel } from '../../test/support/serving/tiny-onnx.ts';
import flights from '../../examples/flights/project.ts';
import { freePort, ROOT, run } from './bench-process.ts';

const PROJECT = path.join(ROOT, 'examples/flights/project.ts');
const INSTANCES = 2_000;
const KEYS_PER_FIELD = 200;
const EVENTS_PER_KEY = 60;
const SECONDS = 10;
const HOUR_MS = 3_600_000;
const asOf = Date.UTC(2013, 5, 1);

const name = `bench-serving-${process.pid}`;
const dataDir = mkdtempSync(path.join(tmpdir(), 'millrace-bench-'));
const logger = createLogger('bench', 'warn');
const base = loadBaseConfig({ ...processEnvironment(), MILLRACE_PROJECT: PROJECT });
const admin = createPostgres({ url: base.postgresUrl, applicationName: 'bench', logger });
const database = name.replaceAll('-', '_');
await admin.query(`CREATE DATABASE ${database}`);
const url = new URL(base.postgresUrl);
url.pathname = `/${database}`;
const names = createNames(name);
const postgres = createPostgres({ url: url.href, applicationName: 'bench', logger });
const redis = createRedis({ url: base.redisUrl, role: 'write', logger });
const kafka = createKafka({ brokers: base.kafkaBrokers, clientId: name, logger });
const registry = createRegistry(postgres, createArtifactStore(path.join(dataDir, 'artifacts')));
const definition = flights.models[0]!;
const program = compileService(definition.service);

/** A plausible value of any field; entity keys come from a small set so that states are shared as in life. */
function valueOf(field: string, type: Schema[string]['type'], i: number): string | number | boolean {
  if (type === 'string') return `${field}-${(i * 7 + field.length) % KEYS_PER_FIELD}`;
  if (type === 'timestamp') return asOf + HOUR_MS;
  return type === 'number' ? i % 500 : i % 2 === 0;
}
const instances = Array.from({ length: INSTANCES }, (_, i) =>
  Object.fromEntries(Object.entries(program.requestSchema).map(([field, { type }]) => [field, valueOf(field, type, i)])),
);

async function prepare(): Promise<void> {
  await migrate(postgres, path.join(ROOT, 'migrations'));
  await kafka.ensureTopics([{ topic: names.decisionTopic(), partitions: 4 }]);
  for (const view of program.views) {
    const keys = new Set(instances.map((instance) => requestKeyOf(view, instance)));
    const inputs = new Float64Array(view.inputCount).fill(1);
    for (const key of keys) {
      if (key === null) continue;
      const state = createState(view);
      for (let e = 0; e < EVENTS_PER_KEY; e++) {
        const at = asOf - (EVENTS_PER_KEY - e) * (HOUR_MS / 4);
        applyEvent(view, state, e % view.view.source.partitions, e, at, at, inputs, 0);
      }
      const stateKey = names.stateKey(view.name, view.version, partitionOf(key, view.partitions), key);
      await redis.set(stateKey, Buffer.from(encodeState(view, state)), 'EX', 600);
    }
  }
  const numbers = program.numericNames.length;
  const tiny: TinyModel = { weights: Array.from({ length: numbers + program.categoryNames.length }, () => 1e-3), bias: 0 };
  const signature: ModelSignature = {
    model: definition.name,
    task: 'binary_classification',
    featureService: definition.service.name,
    serviceDigest: serviceDigest(program),
    viewVersions: {},
    numericNames: program.numericNames,
    categories: program.categoryNames.map((category) => ({ name: category, vocabulary: [] })),
    batchRowsMax: 256,
    threshold: 0.5,
  };
  const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
  await registry.registerModel(definition.name, {});
  const files = {
    'model.onnx': tinyOnnx(tiny),
    'signature.json': json(signature),
    'reference-profile.json': json({ columns: [], usualPsi: {} }),
    'golden-batch.json': json(tinyGolden(tiny)),
    'metrics.json': json({}),
    'lineage.json': json({}),
  };
  const about = { actor: 'bench', reason: 'bench' };
  const lineage = { trigger: 'manual', dataCut: 0 } as never;
  const { version } = await registry.registerVersion({ model: definition.name, files, metrics: {} as never, lineage, signature, ...about });
  const none = { expectedRevision: null, canary: null, shadow: null };
  await registry.setAllocation({ model: definition.name, champion: version, action: 'promote', ...none, ...about });
}

await prepare();
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
for (;;) {
  const answer = await fetch(`${origin}/v1/models/${definition.name}`).catch(() => null);
  const about = answer?.ok === true ? ((await answer.json()) as { champion: number | null; versions: { placement: string }[] }) : null;
  if (about?.champion !== null && about?.champion !== undefined) {
    process.stdout.write(`${program.views.length} views, ${program.numericNames.length} numbers, placement ${about.versions[0]?.placement}\n`);
    break;
  }
  await new Promise((resolve) => setTimeout(resolve, 100));
}
const bodies = path.join(dataDir, 'bodies.json');
writeFileSync(bodies, JSON.stringify(instances.map((instance) => JSON.stringify({ instances: [instance], asOf }))));
const predictUrl = `${origin}/v1/models/${definition.name}/predict`;
/** CPU time per request tells the cost of the code even where others use the machine. */
async function usage(): Promise<{ cpuMs: number; requests: number; rssMiB: number }> {
  const text = await (await fetch(`${origin}/metrics`)).text();
  const value = (metric: string): number => Number(new RegExp(`^${metric}(?:\\{[^}]*\\})? (\\S+)`, 'm').exec(text)?.[1] ?? 0);
  return {
    cpuMs: value('process_cpu_seconds_total') * 1_000,
    requests: value('millrace_prediction_duration_seconds_count'),
    rssMiB: value('process_resident_memory_bytes') / 2 ** 20,
  };
}
for (const load of [['open', '1000'], ['closed', '16'], ['closed', '64']]) {
  const before = await usage();
  await run('bench/serving/load.ts', [predictUrl, bodies, ...load, String(SECONDS)]).ended;
  const after = await usage();
  const cpuMs = (after.cpuMs - before.cpuMs) / (after.requests - before.requests);
  process.stdout.write(`  serving process: ${cpuMs.toFixed(2)} ms CPU a request, ${after.rssMiB.toFixed(0)} MiB resident\n`);
}
serving.child.kill('SIGTERM');
process.stdout.write(`serving ended with code ${String(await serving.ended)}\n`);
await kafka.deleteTopics([names.decisionTopic()]);
await Promise.allSettled([postgres.close(), kafka.close(), redis.quit()]);
await admin.query(`DROP DATABASE ${database} WITH (FORCE)`);
await admin.close();
rmSync(dataDir, { recursive: true });

/**
 * Predictions by entity keys of the flights project, against the real servers and a serving process of
 * its own: latency at 1,000 requests a second (open loop), throughput with 16 and 64 connections.
 * Servers: MILLRACE_POSTGRES_URL (a scratch database is made), MILLRACE_REDIS_URL, MILLRACE_KAFKA_BROKERS.
 */
import path from 'node:path';
import type { ModelSignature } from '../../src/contracts/model-bundle.ts';
import type { Schema } from '../../src/define/field.ts';
import { compileService, requestKeyOf } from '../../src/fold/compile-service.ts';
import { createArtifactStore } from '../../src/infra/artifacts.ts';
import { createRegistry } from '../../src/registry/registry.ts';
import { serviceDigest } from '../../src/store/service-digest.ts';
import { tinyGolden, tinyOnnx, type TinyModel } from '../../test/support/serving/tiny-onnx.ts';
import flights from '../../examples/flights/project.ts';
import { openLoadGenerator } from '../measure/load-generator.ts';
import type { LoadSpec } from '../measure/load-spec.ts';
import { runHeading } from '../measure/run-heading.ts';
import { asOf, FLIGHTS, openBenchStage } from './bench-stage.ts';

const INSTANCES = 2_000;
const KEYS_PER_FIELD = 200;
const SECONDS = 10;
const HOUR_MS = 3_600_000;

console.log(runHeading('npx tsx bench/serving/predict.ts'));
const stage = await openBenchStage('predict', FLIGHTS);
const { dataDir, postgres } = stage;
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
  for (const view of program.views) {
    await stage.writeStates(view, new Set(instances.flatMap((instance) => requestKeyOf(view, instance) ?? [])));
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
const serving = await stage.startServing();
const { origin } = serving;
for (;;) {
  const answer = await fetch(`${origin}/v1/models/${definition.name}`).catch(() => null);
  const about = answer?.ok === true ? ((await answer.json()) as { champion: number | null; versions: { placement: string }[] }) : null;
  if (about?.champion !== null && about?.champion !== undefined) {
    process.stdout.write(`${program.views.length} views, ${program.numericNames.length} numbers, placement ${about.versions[0]?.placement}\n`);
    break;
  }
  await new Promise((resolve) => setTimeout(resolve, 100));
}
const bodies = instances.map((instance) => JSON.stringify({ instances: [instance], asOf }));
const url = `${origin}/v1/models/${definition.name}/predict`;
const generator = await openLoadGenerator();
const usage = () => serving.usage('millrace_prediction_duration_seconds_count');
const loops: readonly LoadSpec['loop'][] = [{ kind: 'open', rate: 1_000 }, { kind: 'closed', connections: 16 }, { kind: 'closed', connections: 64 }];
for (const loop of loops) {
  const before = await usage();
  const { rate, ms } = await generator.loadAllAnswered({ url, bodies, loop, seconds: SECONDS });
  console.log(`${JSON.stringify(loop)}: ${rate.toFixed(0)} requests/s, p50 ${ms.p50.toFixed(2)} ms, p95 ${ms.p95.toFixed(2)} ms, p99 ${ms.p99.toFixed(2)} ms`);
  const after = await usage();
  const cpuMs = (after.cpuMs - before.cpuMs) / (after.requests - before.requests);
  process.stdout.write(`  serving process: ${cpuMs.toFixed(2)} ms CPU a request, ${after.rssMiB.toFixed(0)} MiB resident\n`);
}
generator.close();
await serving.stop();
await stage.close();

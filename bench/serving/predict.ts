/**
 * Predictions by entity keys of the flights project, against the real servers and a serving process of
 * its own: latency at 1,000 requests a second (open loop), throughput with 16 and 64 connections.
 * Servers: MILLRACE_POSTGRES_URL (a scratch database is made), MILLRACE_REDIS_URL, MILLRACE_KAFKA_BROKERS.
 */
import type { Schema } from '../../src/define/field.ts';
import { compileService, requestKeyOf } from '../../src/fold/compile-service.ts';
import { tinyGolden, tinyOnnx, type TinyModel } from '../../test/support/serving/tiny-onnx.ts';
import flights from '../../examples/flights/project.ts';
import { openLoadGenerator } from '../measure/load-generator.ts';
import type { LoadSpec } from '../measure/load-spec.ts';
import { runHeading } from '../measure/run-heading.ts';
import { asOf, FLIGHTS, openBenchStage } from './bench-stage.ts';
import { registerVersion } from './register-version.ts';

const INSTANCES = 2_000;
const KEYS_PER_FIELD = 200;
const SECONDS = 10;
const HOUR_MS = 3_600_000;

console.log(runHeading('npx tsx bench/serving/predict.ts'));
const stage = await openBenchStage('predict', FLIGHTS);
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
  await registerVersion(stage.registry, definition, { onnx: tinyOnnx(tiny), golden: tinyGolden(tiny) });
}

await prepare();
const serving = await stage.startServing();
const { origin } = serving;
const version = await serving.champion(definition.name);
console.log(`${program.views.length} views, ${program.numericNames.length} numbers, placement ${version.placement}`);
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

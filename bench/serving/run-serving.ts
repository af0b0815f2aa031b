/**
 * Serving beside a bare Node server, Triton, MLServer and BentoML, and what batching, overload, entity keys, the cache and
 * access control cost or give; each as a ratio within this run. `npm run bench:serving`; see bench/README.md.
 *
 *     npx tsx bench/serving/run-serving.ts [--no-peers] [--seconds 2] [--profile DIR] [part ...]
 *
 * Servers: MILLRACE_POSTGRES_URL (a scratch database is made), MILLRACE_REDIS_URL, MILLRACE_KAFKA_BROKERS.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../measure/bench-process.ts';
import { openLoadGenerator, type LoadGenerator } from '../measure/load-generator.ts';
import { markdownTable } from '../measure/markdown-table.ts';
import { canPin, LOAD_CORE } from '../measure/pinned.ts';
import { runHeading } from '../measure/run-heading.ts';
import { openBenchStage } from './bench-stage.ts';
import { measureAccess } from './parts/access.ts';
import { compareBatching } from './parts/batching.ts';
import { measureCache } from './parts/cache.ts';
import { measureEventLoop } from './parts/event-loop.ts';
import { compareGrpc } from './parts/grpc.ts';
import { compareKeys } from './parts/keys.ts';
import { measureOverload } from './parts/overload.ts';
import type { Part, PartReport, ServingBench, Target } from './parts/part.ts';
import { comparePeers } from './parts/peers.ts';
import { startBentoMl } from './peers/bentoml.ts';
import { startMlServer } from './peers/mlserver.ts';
import type { ModelFiles, Served } from './peers/served.ts';
import { startBareNode } from './peers/start-bare.ts';
import { startTriton } from './peers/triton.ts';
import { goldenBatch, referenceOnnx, referenceRows } from './reference-models.ts';
import { models, type ReferenceModel } from './reference-project.ts';
import { registerVersion } from './register-version.ts';
import { startMillrace, type Millrace } from './start-millrace.ts';

const PROJECT = path.join(ROOT, 'bench/serving/reference-project.ts');
const ROWS = 500;
const WARM_UP_ANSWERS = 12_000;
const WARM_UP_CONNECTIONS = 32;

const PARTS: Readonly<Record<string, Part>> = {
  peers: comparePeers,
  grpc: compareGrpc,
  batching: compareBatching,
  overload: measureOverload,
  keys: compareKeys,
  cache: measureCache,
  'event-loop': measureEventLoop,
  access: measureAccess,
};
const PEERS = { triton: startTriton, mlserver: startMlServer, bentoml: startBentoMl };

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { 'no-peers': { type: 'boolean', default: false }, seconds: { type: 'string', default: '2' }, profile: { type: 'string' } },
    allowPositionals: true,
  });
  const unknown = positionals.filter((name) => PARTS[name] === undefined);
  if (unknown.length > 0) throw new Error(`No such parts: ${unknown.join(', ')}. There are: ${Object.keys(PARTS).join(', ')}.`);
  console.log(`${runHeading(`npm run bench:serving -- ${process.argv.slice(2).join(' ')}`.replace(/ -- $/, ''))}. ${canPin ? 'Servers on one core, the load and all else on the other.' : 'Servers and load share all cores.'}\n`);
  const profileArgs = values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${path.resolve(values.profile)}`];
  const scratch = mkdtempSync(path.join(tmpdir(), 'millrace-serving-'));
  const stage = await openBenchStage('reference', PROJECT);
  const generator = await openLoadGenerator(LOAD_CORE);
  const peers: Served[] = [];
  const targets: Target[] = [];
  try {
    const files = await prepareModels(stage, scratch);
    const wanted = Object.entries(PARTS).filter(([name]) => positionals.length === 0 || positionals.includes(name));
    const missing: string[] = [];
    const bench: ServingBench = {
      ...{ stage, generator, peers, missing, rows: referenceRows(ROWS), seconds: Number(values.seconds) },
      startMillrace: async (options) => {
        const millrace = await startMillrace(stage, { ...options, nodeArgs: [...profileArgs, ...(options?.nodeArgs ?? [])] });
        await warmUp(generator, millrace);
        return millrace;
      },
    };
    for (const [name, part] of wanted) {
      console.error(`part ${name}`);
      if (part === comparePeers) await startPeers(peers, missing, values['no-peers'] ? {} : PEERS, scratch, files);
      const report = await part(bench).catch((error: unknown) => failedReport(name, error));
      for (const peer of peers.splice(0)) await peer.stop();
      console.log(`### ${report.title}\n\n${report.text}\n`);
      targets.push(...report.targets);
    }
    console.log(`### Targets\n\n${markdownTable(['target', 'found', 'met'], targets.map(({ what, found, met }) => [what, found, met ? 'yes' : 'no']))}`);
  } finally {
    for (const peer of peers) await peer.stop();
    generator.close();
    await stage.close();
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** So many requests that its code is compiled: time alone says little on a busy machine. */
async function warmUp(generator: LoadGenerator, millrace: Millrace): Promise<void> {
  const bodies = referenceRows(ROWS).map((row) => millrace.body(row));
  for (const model of Object.keys(models) as ReferenceModel[])
    await generator.load({ url: millrace.inferUrl(model), headers: millrace.headers, bodies, loop: { kind: 'closed', connections: WARM_UP_CONNECTIONS }, seconds: 0, warmUpAnswers: WARM_UP_ANSWERS });
}

/** One part that fails leaves the others their turn. */
function failedReport(name: string, error: unknown): PartReport {
  process.exitCode = 1;
  return { title: `Part ${name} failed`, text: error instanceof Error ? (error.stack ?? error.message) : String(error), targets: [] };
}

/** Files for the peers, and versions of the same bytes in the registry. */
async function prepareModels(stage: ServingBench['stage'], scratch: string): Promise<ModelFiles> {
  const onnx = referenceOnnx();
  const files = { mlp: path.join(scratch, 'mlp.onnx'), trees: path.join(scratch, 'trees.onnx') };
  for (const name of ['mlp', 'trees'] as const) writeFileSync(files[name], onnx[name]);
  await registerVersion(stage.registry, models.mlp, { onnx: onnx.mlp, golden: await goldenBatch(onnx.mlp) });
  const golden = await goldenBatch(onnx.trees);
  for (const model of [models.trees, models.trees_cached]) await registerVersion(stage.registry, model, { onnx: onnx.trees, golden });
  await registerVersion(stage.registry, models.trees_unbatched, { onnx: onnx.trees, golden, batchRowsMax: 1 });
  return files;
}

/** A peer that can't be had is named with the reason, and the bench goes on. */
async function startPeers(peers: Served[], missing: string[], wanted: Partial<typeof PEERS>, scratch: string, files: ModelFiles): Promise<void> {
  peers.push(await startBareNode());
  for (const [name, start] of Object.entries(wanted)) {
    console.error(`starting ${name}`);
    const folder = path.join(scratch, name);
    mkdirSync(folder);
    try {
      peers.push(await start(folder, files));
    } catch (error) {
      missing.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

// Without a handler a signal ends this process without its exit hooks, which end the peers.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
await main();

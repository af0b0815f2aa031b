import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createNames } from '../../src/contracts/names.ts';
import type { ViewProgram } from '../../src/fold/compile-view.ts';
import { partitionOf } from '../../src/fold/partition-of.ts';
import { encodeState } from '../../src/fold/state-codec.ts';
import { applyEvent, createState } from '../../src/fold/view-state.ts';
import { loadBaseConfig } from '../../src/infra/base-config.ts';
import { createKafka } from '../../src/infra/kafka.ts';
import { createLogger } from '../../src/infra/logger.ts';
import { processEnvironment } from '../../src/infra/process-environment.ts';
import { createRedis, redisReady } from '../../src/infra/redis.ts';
import { choosePort } from '../../stack/free-port.ts';
import { ROOT, run } from '../measure/bench-process.ts';
import { openScratchDatabase } from '../measure/scratch-database.ts';

/** The flights project's file. */
export const FLIGHTS = path.join(ROOT, 'examples/flights/project.ts');
const EVENTS_PER_KEY = 60;
const EVENT_STEP_MS = 15 * 60_000;
/** States go by themselves where a bench is cut off. */
const STATE_SECONDS = 600;

/** Moment that the benches read as of. */
export const asOf = Date.UTC(2013, 5, 1);

export interface ServingProcessOptions {
  /** Settings over the stage's own. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly core?: number | undefined;
  readonly nodeArgs?: readonly string[];
}

/**
 * A scratch database, a name of its own in Kafka and Redis, and serving processes over them.
 * @param purpose letters and digits
 * @param projectFile of what is served
 */
export async function openBenchStage(purpose: string, projectFile: string) {
  const name = `bench-${purpose}-${process.pid}`;
  const dataDir = mkdtempSync(path.join(tmpdir(), 'millrace-bench-'));
  const logger = createLogger('bench', 'warn');
  const base = loadBaseConfig({ ...processEnvironment(), MILLRACE_PROJECT: projectFile });
  const database = await openScratchDatabase(purpose);
  const { postgres } = database;
  const names = createNames(name);
  const redis = createRedis({ url: base.redisUrl, role: 'write', logger });
  const kafka = createKafka({ brokers: base.kafkaBrokers, clientId: name, logger });
  await redisReady(redis);
  await kafka.ensureTopics([{ topic: names.decisionTopic(), partitions: 4 }]);
  return {
    dataDir,
    names,
    postgres,
    redis,
    /** Writes a state of some events for each key. */
    async writeStates(view: ViewProgram, keys: Iterable<string>): Promise<void> {
      for (const key of keys) {
        const stateKey = names.stateKey(view.name, view.version, partitionOf(key, view.partitions), key);
        await redis.set(stateKey, someState(view), 'EX', STATE_SECONDS);
      }
    },
    startServing: (options: ServingProcessOptions = {}) => {
      const own = { MILLRACE_NAMESPACE: name, MILLRACE_DATA_DIR: dataDir, MILLRACE_PROJECT: projectFile, MILLRACE_POSTGRES_URL: database.url };
      return startServing({ ...options, environment: { ...own, ...options.environment } });
    },
    async close(): Promise<void> {
      await kafka.deleteTopics([names.decisionTopic()]);
      await Promise.allSettled([kafka.close(), redis.quit()]);
      await database.close();
      rmSync(dataDir, { recursive: true });
    },
  };
}

function someState(view: ViewProgram): Buffer {
  const inputs = new Float64Array(view.inputCount).fill(1);
  const state = createState(view);
  for (let e = 0; e < EVENTS_PER_KEY; e++) {
    const at = asOf - (EVENTS_PER_KEY - e) * EVENT_STEP_MS;
    applyEvent(view, state, e % view.view.source.partitions, e, at, at, inputs, 0);
  }
  return Buffer.from(encodeState(view, state));
}

async function startServing({ environment, core, nodeArgs = [] }: ServingProcessOptions) {
  const port = await choosePort({ variable: '' }, {});
  const settings = {
    MILLRACE_SERVING_PORT: String(port),
    MILLRACE_SERVING_GRPC_PORT: '0',
    MILLRACE_SERVING_PROVIDERS: 'cpu',
    MILLRACE_LOG_LEVEL: 'warn',
  };
  const serving = run('workers/serving.ts', [], { environment: { ...settings, ...environment }, core, nodeArgs });
  const origin = `http://127.0.0.1:${port}`;
  return {
    origin,
    /** CPU time tells the cost of the code even where others use the machine. */
    async usage(countMetric: string): Promise<{ cpuMs: number; requests: number; rssMiB: number }> {
      const text = await (await fetch(`${origin}/metrics`)).text();
      const value = (metric: string): number =>
        Number(new RegExp(`^${metric}(?:\\{[^}]*\\})? (\\S+)`, 'm').exec(text)?.[1] ?? 0);
      return {
        cpuMs: value('process_cpu_seconds_total') * 1_000,
        requests: value(countMetric),
        rssMiB: value('process_resident_memory_bytes') / 2 ** 20,
      };
    },
    async stop(): Promise<void> {
      serving.child.kill('SIGTERM');
      process.stdout.write(`serving ended with code ${String(await serving.ended)}\n`);
    },
  };
}

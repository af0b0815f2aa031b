import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createNames } from '../../src/contracts/names.ts';
import type { ViewProgram } from '../../src/fold/compile-view.ts';
import { partitionOf } from '../../src/fold/partition-of.ts';
import { encodeState } from '../../src/fold/state-codec.ts';
import { applyEvent, createState } from '../../src/fold/view-state.ts';
import { loadBaseConfig } from '../../src/infra/base-config.ts';
import { createArtifactStore } from '../../src/infra/artifacts.ts';
import { createKafka } from '../../src/infra/kafka.ts';
import { createLogger } from '../../src/infra/logger.ts';
import { processEnvironment } from '../../src/infra/process-environment.ts';
import { createRedis, redisReady } from '../../src/infra/redis.ts';
import { createRegistry } from '../../src/registry/registry.ts';
import { ROOT } from '../measure/bench-process.ts';
import { openScratchDatabase } from '../measure/scratch-database.ts';
import { startServing, type ServingProcess, type ServingProcessOptions } from './serving-process.ts';

/** The flights project's file. */
export const FLIGHTS = path.join(ROOT, 'examples/flights/project.ts');
const EVENTS_PER_KEY = 60;
const EVENT_STEP_MS = 15 * 60_000;
/** States go by themselves where a bench is cut off. */
const STATE_SECONDS = 1_800;
const STATES_AT_ONCE = 500;

/** Moment that the benches read as of. */
export const asOf = Date.UTC(2013, 5, 1);

/**
 * A scratch database, a name of its own in Kafka and Redis, and serving processes over them.
 * @param purpose letters and digits
 * @param projectFile of what is served
 */
export async function openBenchStage(purpose: string, projectFile: string) {
  const name = `bench-${purpose}-${process.pid}`;
  const dataDir = mkdtempSync(path.join(tmpdir(), 'millrace-bench-'));
  // Kafka's word on a topic that has no leader yet is no part of a bench's tables.
  const logger = createLogger('bench', 'fatal');
  const base = loadBaseConfig({ ...processEnvironment(), MILLRACE_PROJECT: projectFile });
  const database = await openScratchDatabase(purpose);
  const names = createNames(name);
  const redis = createRedis({ url: base.redisUrl, role: 'write', logger });
  const kafka = createKafka({ brokers: base.kafkaBrokers, clientId: name, logger });
  await redisReady(redis);
  const started: ServingProcess[] = [];
  const written: string[] = [];
  await kafka.ensureTopics([{ topic: names.decisionTopic(), partitions: 4 }]);
  return {
    names,
    redis,
    dataDir,
    registry: createRegistry(database.postgres, createArtifactStore(path.join(dataDir, 'artifacts'))),
    /** Writes a state of some events for each key. */
    async writeStates(view: ViewProgram, keys: Iterable<string>): Promise<void> {
      const state = someState(view);
      const stateKeys = [...keys].map((key) => names.stateKey(view.name, view.version, partitionOf(key, view.partitions), key));
      const waiting = [...stateKeys];
      while (waiting.length > 0)
        await Promise.all(waiting.splice(-STATES_AT_ONCE).map((stateKey) => redis.set(stateKey, state, 'EX', STATE_SECONDS)));
      written.push(...stateKeys);
    },
    startServing: async (options: ServingProcessOptions = {}) => {
      const own = { MILLRACE_NAMESPACE: name, MILLRACE_DATA_DIR: dataDir, MILLRACE_PROJECT: projectFile, MILLRACE_POSTGRES_URL: database.url };
      const process = await startServing({ ...options, environment: { ...own, ...options.environment } });
      started.push(process);
      return process;
    },
    /** Stops what was started and not stopped, and leaves nothing behind. */
    async close(): Promise<void> {
      await Promise.all(started.map((process) => process.stop()));
      while (written.length > 0) await redis.unlink(written.splice(-STATES_AT_ONCE));
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

import { mkdtempSync, rmSync } from 'node:fs';
import os, { tmpdir } from 'node:os';
import path from 'node:path';
import { createNames } from '../../src/contracts/names.ts';
import type { ViewProgram } from '../../src/fold/compile-view.ts';
import { partitionsOf } from '../../src/fold/partition-of.ts';
import { loadBaseConfig } from '../../src/infra/base-config.ts';
import { createKafka } from '../../src/infra/kafka.ts';
import { createLogger } from '../../src/infra/logger.ts';
import { processEnvironment } from '../../src/infra/process-environment.ts';
import { createRedis, redisReady } from '../../src/infra/redis.ts';
import { applyProject } from '../../src/store/apply-project.ts';
import { materializePartitions } from '../../src/store/materialize.ts';
import { createOnlineStore } from '../../src/store/online-store.ts';
import type { EventReader } from '../../src/store/as-of/event-reader.ts';
import { parquetEvents } from '../../src/store/as-of/parquet-events.ts';
import { postgresEvents } from '../../src/store/as-of/postgres-events.ts';
import type { SpineRow } from '../../src/store/as-of/as-of-mode.ts';
import { readViews } from '../../src/store/as-of/read-as-of.ts';
import { programsOf } from '../../src/store/project-definitions.ts';
import { projectTopics } from '../../src/store/project-topics.ts';
import { choosePort } from '../../stack/free-port.ts';
import { ROOT, run } from '../measure/bench-process.ts';
import { openScratchDatabase } from '../measure/scratch-database.ts';
import project, { sources, VIEW_WIDTHS } from './feast-project.ts';

const PROJECT = path.join(ROOT, 'bench/feast/feast-project.ts');
const STATEMENT_LIMIT_MS = 600_000;
const DUCKDB_MEMORY_MB = 2_048;

/** A scratch database, and names of its own in Kafka and Redis, with the comparison's project applied. */
export async function openMillraceSide() {
  const database = await openScratchDatabase('feast', { statementTimeoutMs: STATEMENT_LIMIT_MS });
  const { postgres } = database;
  const name = `benchfeast${process.pid}`;
  const dataDir = mkdtempSync(path.join(tmpdir(), 'millrace-bench-'));
  const logger = createLogger('bench', 'warn');
  const base = loadBaseConfig({ ...processEnvironment(), MILLRACE_PROJECT: PROJECT });
  const names = createNames(name);
  const kafka = createKafka({ brokers: base.kafkaBrokers, clientId: name, logger });
  const redis = createRedis({ url: base.redisUrl, role: 'write', logger });
  await redisReady(redis);
  const store = createOnlineStore(redis, names);
  const deps = { postgres, kafka, names, store, clock: Date.now };
  await applyProject(project, { ...deps, registerModel: () => Promise.resolve() });
  const programs = programsOf(project);
  return {
    postgres,
    redis,
    redisUrl: base.redisUrl,
    /** Parts of a key that tell the states of this side from all else in Redis. */
    statePattern: `*${name}*:s:*`,
    namespace: name,
    /** One view after the other, as `millrace materialize` does. */
    async materialize(): Promise<void> {
      for (const program of programs) {
        const { busy } = await materializePartitions(deps, program, partitionsOf(program));
        if (busy.length > 0) throw new Error(`partitions ${busy.join(', ')} of '${program.name}' were busy`);
      }
    },
    readPast: (spine: readonly SpineRow[], folder: string | null) => readPast(folder === null ? postgresEvents(postgres) : filesOf(folder, dataDir), programs, spine),
    startServing: async () => {
      const port = await choosePort({ variable: '' }, {});
      const environment = {
        MILLRACE_NAMESPACE: name,
        MILLRACE_DATA_DIR: dataDir,
        MILLRACE_PROJECT: PROJECT,
        MILLRACE_POSTGRES_URL: database.url,
        MILLRACE_SERVING_PORT: String(port),
        MILLRACE_SERVING_GRPC_PORT: '0',
        MILLRACE_LOG_LEVEL: 'warn',
      };
      const serving = run('workers/serving.ts', [], { environment });
      return { url: `http://127.0.0.1:${port}/v1/features/online`, ...serving };
    },
    async close(): Promise<void> {
      await kafka.deleteTopics(projectTopics(project, programs, names).map(({ topic }) => topic));
      await Promise.allSettled([kafka.close(), redis.quit()]);
      await database.close();
      rmSync(dataDir, { recursive: true });
    },
  };
}

/** Events of the Parquet files of a folder. */
const filesOf = (folder: string, spillTo: string): EventReader =>
  parquetEvents(
    Object.fromEntries(sources.map(({ name }, i) => [name, path.join(folder, `${VIEW_WIDTHS[i]![0]}.parquet`)])),
    { threads: os.availableParallelism(), memoryMb: DUCKDB_MEMORY_MB, spillTo },
  );

/** The newest values of all views for each row of a spine, summed up. */
async function readPast(events: EventReader, programs: readonly ViewProgram[], spine: readonly SpineRow[]): Promise<number> {
  try {
    const reads = await readViews(events, programs, spine, { mode: 'known', dataCut: Number.MAX_SAFE_INTEGER });
    let sum = 0;
    for (const { values } of reads) for (const value of values) if (!Number.isNaN(value)) sum += value;
    return sum;
  } finally {
    await events.close();
  }
}

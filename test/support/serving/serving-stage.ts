import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Experiment } from '../../../src/contracts/experiment.ts';
import type { ModelSignature } from '../../../src/contracts/model-bundle.ts';
import { createNames } from '../../../src/contracts/names.ts';
import type { Project } from '../../../src/define/project.ts';
import { compileService } from '../../../src/fold/compile-service.ts';
import { partitionOf } from '../../../src/fold/partition-of.ts';
import { prepareEvent } from '../../../src/fold/compile-view.ts';
import { encodeState } from '../../../src/fold/state-codec.ts';
import { applyEvent, createState } from '../../../src/fold/view-state.ts';
import { createArtifactStore } from '../../../src/infra/artifacts.ts';
import { loadBaseConfig } from '../../../src/infra/base-config.ts';
import { createKafka } from '../../../src/infra/kafka.ts';
import { createLogger } from '../../../src/infra/logger.ts';
import { migrate } from '../../../src/infra/migrate.ts';
import { createPostgres } from '../../../src/infra/postgres.ts';
import { createRedis } from '../../../src/infra/redis.ts';
import { createRegistry } from '../../../src/registry/registry.ts';
import { serviceDigest } from '../../../src/store/service-digest.ts';
import { createOnlineStore } from '../../../src/store/online-store.ts';
import { encodePosition, startPosition } from '../../../src/store/view-position.ts';
import { loadServingSettings } from '../../../serving/settings.ts';
import { startServing, type RunningServing, type ServingOptions } from '../../../serving/start-serving.ts';
import { createTestDatabase, testPrefix, testStack } from '../test-stack.ts';
import { tinyGolden, tinyOnnx, type TinyModel } from './tiny-onnx.ts';
import { delayModel, tinyProject } from './tiny-project.ts';

const MIGRATIONS = fileURLToPath(new URL('../../../migrations', import.meta.url));
export const WEIGHTS = [0.1, 0.01, -0.001, 0.2];

/** Real servers with a database, a namespace and a data directory of this stage's own. */
export async function createServingStage() {
  const stack = testStack();
  const name = testPrefix();
  const logger = createLogger('test', 'silent');
  const database = await createTestDatabase();
  const dataDir = mkdtempSync(path.join(tmpdir(), 'millrace-serving-'));
  const config = loadBaseConfig({
    MILLRACE_NAMESPACE: name,
    MILLRACE_DATA_DIR: dataDir,
    MILLRACE_PROJECT: 'in memory',
    MILLRACE_KAFKA_BROKERS: stack.kafkaBrokers.join(','),
    MILLRACE_POSTGRES_URL: database.url,
    MILLRACE_REDIS_URL: stack.redisUrl,
  });
  const names = createNames(name);
  const postgres = createPostgres({ url: database.url, applicationName: 'test', logger });
  await migrate(postgres, MIGRATIONS);
  const redis = createRedis({ url: stack.redisUrl, role: 'write', logger });
  const kafka = createKafka({ brokers: stack.kafkaBrokers, clientId: name, logger });
  await kafka.ensureTopics([{ topic: names.decisionTopic(), partitions: 4 }]);
  const registry = createRegistry(postgres, createArtifactStore(path.join(dataDir, 'artifacts')));
  await registry.registerModel(delayModel.name, {});
  const program = compileService(delayModel.service);
  const processes: RunningServing[] = [];

  return {
    config,
    names,
    postgres,
    kafka,
    registry,
    program,
    /** Starts a serving process within this one; `over` are environment variables, `overConfig` other servers, `project` another one. */
    async serve(
      over: Readonly<Record<string, string>> = {},
      overConfig: Partial<typeof config> = {},
      project: Project = tinyProject,
      traced: Pick<ServingOptions, 'tracer' | 'registry'> = {},
    ): Promise<RunningServing> {
      const settings = loadServingSettings({
        MILLRACE_SERVING_PORT: '0',
        MILLRACE_SERVING_GRPC_PORT: '0',
        MILLRACE_SERVING_PROVIDERS: 'cpu',
        // Tests share a busy machine: what they check is not how fast it is.
        MILLRACE_SERVING_TIMEOUT_MS: '20000',
        ...over,
      });
      const serving = await startServing({ project, config: { ...config, ...overConfig }, settings, logger, ...traced });
      processes.push(serving);
      return serving;
    },
    /** Registers a version of `delay`; `over` makes it a bad one, or one of another model; bytes of ONNX come with their golden batch. */
    async register(
      tiny: TinyModel | Uint8Array,
      over: Partial<ModelSignature> = {},
      golden = tiny instanceof Uint8Array ? null : tinyGolden(tiny),
    ): Promise<number> {
      const { model = delayModel.name } = over;
      const signature: ModelSignature = {
        model,
        task: 'binary_classification',
        featureService: delayModel.service.name,
        serviceDigest: serviceDigest(program),
        viewVersions: { origin_departures: 1 },
        numericNames: program.numericNames,
        categories: [{ name: 'carrier', vocabulary: ['AA', 'UA'] }],
        batchRowsMax: 16,
        threshold: 0.5,
        ...over,
      };
      const json = (value: unknown) => Buffer.from(JSON.stringify(value));
      const nothing = {} as never;
      const { version } = await registry.registerVersion({
        model,
        files: {
          'model.onnx': tiny instanceof Uint8Array ? tiny : tinyOnnx(tiny),
          'signature.json': json(signature),
          'reference-profile.json': json({ columns: [], usualPsi: {} }),
          'golden-batch.json': json(golden),
          'metrics.json': json({}),
          'lineage.json': json({}),
        },
        metrics: nothing,
        lineage: { trigger: 'manual', dataCut: 0 } as never,
        signature,
        actor: 'test',
        reason: 'test',
      });
      return version;
    },
    async allocate(change: { champion: number | null; canary?: { version: number; share: number }; shadow?: number; experiment?: Experiment }, model: string = delayModel.name) {
      const present = await registry.getAllocation(model);
      return registry.setAllocation({
        model,
        expectedRevision: present?.revision ?? null,
        champion: change.champion,
        canary: change.canary ?? null,
        shadow: change.shadow ?? null,
        experiment: change.experiment ?? null,
        actor: 'test',
        action: 'test',
        reason: 'test',
      });
    },
    /** Folds departures of one airport into Redis, as the stream would. */
    async fold(origin: string, events: readonly { at: number; delayMinutes: number }[]): Promise<void> {
      const view = program.views[0] as (typeof program.views)[number];
      const state = createState(view);
      const inputs = new Float64Array(view.inputCount);
      events.forEach(({ at, delayMinutes }, offset) => {
        prepareEvent(view, { flightId: `f${offset}`, origin, carrier: 'AA', at, delayMinutes }, inputs, 0);
        applyEvent(view, state, 0, offset, at, at, inputs, 0);
      });
      const online = createOnlineStore(redis, names);
      const partition = partitionOf(origin, view.partitions);
      const expected = await online.readPositionText(view, partition);
      const position = encodePosition({ ...startPosition, viewOffset: Date.now() });
      const states = [{ entityKey: origin, bytes: encodeState(view, state) }];
      await online.writePartition(view, partition, { expected, position, states });
    },
    async close(): Promise<void> {
      await Promise.all(processes.map((serving) => serving.stop()));
      await kafka.deleteTopics([names.decisionTopic()]);
      await Promise.allSettled([postgres.close(), kafka.close()]);
      redis.disconnect();
      await database.drop();
      rmSync(dataDir, { recursive: true });
    },
  };
}

export type ServingStage = Awaited<ReturnType<typeof createServingStage>>;

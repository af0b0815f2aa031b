import { hostname } from 'node:os';
import path from 'node:path';
import { pid } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { createNames } from '../src/contracts/names.ts';
import type { Project } from '../src/define/project.ts';
import { openAccess } from '../src/infra/access/open-access.ts';
import { createArtifactStore } from '../src/infra/artifacts.ts';
import { kafkaServers, type BaseConfig } from '../src/infra/base-config.ts';
import { createKafka } from '../src/infra/kafka.ts';
import type { ColdLogConfig } from '../src/infra/cold-log-config.ts';
import type { Logger } from '../src/infra/logger.ts';
import { createMetrics, type Registry as Metrics } from '../src/infra/metrics.ts';
import { packageVersion } from '../src/infra/package-version.ts';
import { createPostgres, type Postgres } from '../src/infra/postgres.ts';
import type { Tracer } from '../src/infra/tracing.ts';
import { createRedis, redisReady } from '../src/infra/redis.ts';
import { createRegistry, type Registry } from '../src/registry/registry.ts';
import { findDecision } from '../src/store/find-decision.ts';
import { OnlineCatalog } from '../src/store/online-catalog.ts';
import { createOnlineStore } from '../src/store/online-store.ts';
import { programsOf } from '../src/store/project-definitions.ts';
import { systemTimers } from './batcher/timers.ts';
import { createModels } from './create-models.ts';
import { DataPlane } from './data-plane.ts';
import { DecisionCompleter } from './decisions/complete-decisions.ts';
import { DecisionLog } from './decisions/decision-log.ts';
import { openDecisionSender } from './decisions/decision-sender.ts';
import { FollowedCatalog } from './features/followed-catalog.ts';
import { HistoricalFeatures } from './features/historical-features.ts';
import { OnlineFeatures } from './features/online-features.ts';
import { ViewReader } from './features/view-reader.ts';
import { observeObjectives } from './freshness-metrics.ts';
import { ModelControl } from './inference/model-control.ts';
import { OpenInference } from './inference/open-inference.ts';
import { createLimit } from './limit/create-limit.ts';
import { observeModels } from './observe-models.ts';
import { openTransports } from './open-transports.ts';
import type { Peers } from './peers.ts';
import { AllocationFollower } from './router/allocation-follower.ts';
import { StatusReporter, type ReportedModel } from './router/status-reporter.ts';
import type { ServedModel } from './served-model.ts';
import { createServingMetrics, type ServingMetrics } from './serving-metrics.ts';
import { SessionHost } from './session-host/session-host.ts';
import { servingSettingNames, type ServingSettings } from './settings.ts';
import { TensorModels } from './tensors/tensor-models.ts';

export interface ServingOptions {
  readonly project: Project;
  readonly config: BaseConfig;
  readonly settings: ServingSettings;
  /** For reads of the past; without it a log with rows in files only is refused. */
  readonly coldLog?: ColdLogConfig;
  /** The processes that listen on the same port, where there are several. */
  readonly peers?: Peers;
  readonly logger: Logger;
  /** Of the process, where its own metrics are to be in it too. */
  readonly registry?: Metrics;
  /** Absent where tracing is off. */
  readonly tracer?: Tracer | undefined;
}

export interface RunningServing {
  /** Where it listens, such as `http://127.0.0.1:7480`. */
  readonly url: string;
  /** Where it listens for gRPC, such as `127.0.0.1:7481`. */
  readonly grpcAddress: string;
  readonly dataPlane: DataPlane;
  readonly onlineFeatures: OnlineFeatures;
  readonly metrics: Metrics;
  /** Readiness off, requests in flight answered, decisions stored, sessions and connections closed. */
  stop(): Promise<void>;
}

/**
 * Starts a serving process: resolves when it listens, not yet when its models are loaded.
 * @throws CONFIG_INVALID
 */
export async function startServing(options: ServingOptions): Promise<RunningServing> {
  const { config, settings, logger, peers } = options;
  const metricsRegistry = options.registry ?? createMetrics('serving');
  const metrics = createServingMetrics(metricsRegistry, settings);
  // First, because its files may be wrong: nothing else is open then.
  const access = await openAccess(settings, { names: servingSettingNames, refusals: metrics.accessRefusals, logger });
  const postgres = createPostgres({ url: config.postgresUrl, applicationName: 'millrace-serving', logger });
  const redis = createRedis({ url: config.redisUrl, role: 'read', logger });
  const kafka = createKafka({ ...kafkaServers(config), clientId: `${config.namespace}-serving`, logger });
  const names = createNames(config.namespace);
  const registry = createRegistry(postgres, createArtifactStore(path.join(config.dataDir, ARTIFACTS_DIRECTORY)));

  const reporter = createReporter(options, registry, (): readonly ReportedModel[] => [...models, ...tensorModels.all]);
  const models = createModels({ ...options, postgres, redis, names, registry, metrics, onStatus: () => reporter.report() });
  const tensorModels = createTensorModels(options, registry, metrics, () => reporter.report());
  const decisions = createDecisionLog(options, () => openDecisionSender(kafka, names.decisionTopic()), metrics);
  observeObjectives(metricsRegistry, options.project.views);
  observeModels(metricsRegistry, models, tensorModels, () => decisions.waiting);
  await redisReady(redis);
  const reader = new ViewReader(createOnlineStore(redis, names));
  const dataPlane = createDataPlane(options, { models, tensorModels }, reader, decisions, metrics);
  const catalog = new FollowedCatalog(postgres, options.project, logger);
  await catalog.start();
  const onlineFeatures = createOnlineFeatures(options, catalog, reader, metrics);
  const historicalFeatures = createHistoricalFeatures(options, postgres);
  const openInference = createOpenInference(options, dataPlane, tensorModels, metrics);
  const follower = createFollower(options, registry, postgres, models, tensorModels);
  await follower.start();
  reporter.start();
  const modelControl = createModelControl(options, dataPlane, tensorModels);
  if (peers !== undefined) await untilReady(dataPlane, settings.openTimeoutMs);
  const transports = await openTransports({
    dataPlane,
    onlineFeatures,
    historicalFeatures,
    openInference,
    modelControl,
    findDecision: async (id) => decisions.recent(id) ?? (await findDecision(postgres, id)),
    metrics: peers === undefined ? metricsRegistry : { contentType: metricsRegistry.contentType, metrics: () => peers.metrics() },
    access: access.control,
    certificates: access.certificates,
    settings,
    logger,
    tracer: options.tracer,
  });
  const { url, grpcAddress } = transports;
  peers?.join({ isReady: () => dataPlane.selfReady, metrics: () => metricsRegistry.metrics(), control: modelControl.follow.bind(modelControl) }, transports);
  logger.info({ url, grpc: grpcAddress, guarded: access.control.on, models: models.map(({ name }) => name) }, 'serving');

  return {
    url,
    grpcAddress,
    dataPlane,
    onlineFeatures,
    metrics: metricsRegistry,
    async stop() {
      dataPlane.retire();
      transports.retire();
      await sleep(settings.retireMs);
      const giveUpAt = performance.now() + settings.drainTimeoutMs;
      const withinLimit = (work: Promise<unknown>): Promise<void> => atMost(giveUpAt - performance.now(), work);
      catalog.stop();
      await withinLimit(transports.drain().then(() => dataPlane.drain()));
      historicalFeatures.close();
      await decisions.drain(Math.max(giveUpAt - performance.now(), DECISIONS_DRAIN_MS_MIN));
      await withinLimit(Promise.all([access.close(), follower.stop(), reporter.stop(), ...models.map(({ router }) => router.close()), tensorModels.close()]));
      await withinLimit(Promise.allSettled([postgres.close(), kafka.close(), redis.quit()]));
    },
  };
}

/** A group hands connections to every process that listens; alone, readiness keeps callers away. */
async function untilReady(dataPlane: DataPlane, limitMs: number): Promise<void> {
  const giveUpAt = performance.now() + limitMs;
  while (!dataPlane.selfReady && performance.now() < giveUpAt) await sleep(SETTLED_LOOK_MS);
}

const SETTLED_LOOK_MS = 20;
/** Decisions get this long even where the requests in flight used up the time of the whole. */
const DECISIONS_DRAIN_MS_MIN = 1_000;
/** Under the data directory, shared with training, which puts the files there. */
const ARTIFACTS_DIRECTORY = 'artifacts';

function createReporter({ settings, logger }: ServingOptions, registry: Registry, models: () => readonly ReportedModel[]): StatusReporter {
  const process = settings.process ?? `${hostname()}:${pid}:${Date.now()}`;
  return new StatusReporter({ registry, process, models, everyMs: settings.reportEveryMs, logger });
}

function createFollower(
  { settings, logger }: ServingOptions,
  registry: Registry,
  postgres: Postgres,
  models: readonly ServedModel[],
  tensorModels: TensorModels,
): AllocationFollower {
  const routers = async () => {
    await tensorModels.discover();
    return [...models, ...tensorModels.all].map(({ name, router }) => [name, router] as const);
  };
  return new AllocationFollower({ registry, postgres, routers, pollMs: settings.allocationPollMs, logger });
}

function createDecisionLog(
  { settings, logger, tracer }: ServingOptions,
  openSender: () => ReturnType<typeof openDecisionSender>,
  metrics: ServingMetrics,
): DecisionLog {
  return new DecisionLog({
    openSender,
    waitingMax: settings.decisionsMax,
    recentMax: settings.decisionsRecent,
    whenFull: settings.whenDecisionsFull,
    onStored: (count) => {
      metrics.decisionsStored.inc(count);
    },
    onDropped: (count) => {
      metrics.decisionsDropped.inc(count);
    },
    logger,
    tracer,
  });
}

function createDataPlane(
  { settings, logger, peers }: ServingOptions,
  { models, tensorModels }: { readonly models: readonly ServedModel[]; readonly tensorModels: TensorModels },
  reader: ViewReader,
  decisions: DecisionLog,
  metrics: ServingMetrics,
): DataPlane {
  const { shadowRowsMax, instancesMax, timeoutMs } = settings;
  const timers = systemTimers;
  const completer = new DecisionCompleter({ log: decisions, reader, metrics, timers, shadowRowsMax });
  return new DataPlane({
    models,
    reader,
    decisions,
    completer,
    metrics,
    timers,
    clock: Date.now,
    instancesMax,
    timeoutMs,
    tensorModelsReady: () => tensorModels.ready,
    ...(peers === undefined ? {} : { groupReady: () => peers.ready }),
    logger,
  });
}

function createModelControl({ settings, logger, peers }: ServingOptions, dataPlane: DataPlane, tensorModels: TensorModels): ModelControl {
  const tellOthers = peers?.control.bind(peers);
  return new ModelControl({ dataPlane, tensorModels, loadWaitMs: settings.timeoutMsMax, logger, ...(tellOthers === undefined ? {} : { tellOthers }) });
}

function createOnlineFeatures(
  { settings }: ServingOptions,
  catalog: FollowedCatalog,
  reader: ViewReader,
  metrics: ServingMetrics,
): OnlineFeatures {
  const { onlineEntitiesMax: entitiesMax, onlineKeysMax: keysMax, timeoutMs } = settings;
  return new OnlineFeatures({ catalog, reader, metrics, timers: systemTimers, clock: Date.now, entitiesMax, keysMax, timeoutMs });
}

function createHistoricalFeatures({ project, config, settings, coldLog }: ServingOptions, postgres: Postgres): HistoricalFeatures {
  const { historicalRowsMax: rowsMax, historicalTimeoutMs: timeoutMs } = settings;
  return new HistoricalFeatures({
    catalog: new OnlineCatalog(project),
    views: programsOf(project),
    postgres,
    postgresUrl: config.postgresUrl,
    coldLog: coldLog ?? null,
    spillTo: config.dataDir,
    timers: systemTimers,
    rowsMax,
    timeoutMs,
    statementTimeoutMs: settings.timeoutMsMax,
  });
}

function createTensorModels({ settings, logger }: ServingOptions, registry: Registry, metrics: ServingMetrics, onStatus: () => void): TensorModels {
  const host = new SessionHost({ ...settings, logger, onRestart: () => metrics.sessionRestarts.inc() });
  return new TensorModels({ registry, host, queueRowsMax: settings.queueRowsMax, createLimit: () => createLimit(settings), metrics, onStatus, logger });
}

function createOpenInference(
  { settings }: ServingOptions,
  dataPlane: DataPlane,
  tensorModels: TensorModels,
  metrics: ServingMetrics,
): OpenInference {
  const { instancesMax: rowsMax, timeoutMs } = settings;
  return new OpenInference({ dataPlane, tensorModels, metrics, timers: systemTimers, version: packageVersion(), rowsMax, timeoutMs });
}

/** Waits for the work, but not for ever: what is not done by then is cut off. */
async function atMost(limitMs: number, work: Promise<unknown>): Promise<void> {
  let limit: NodeJS.Timeout | undefined;
  const timedOut = new Promise<void>((resolve) => {
    limit = setTimeout(resolve, Math.max(0, limitMs));
  });
  await Promise.race([work.catch(() => undefined), timedOut]);
  clearTimeout(limit);
}

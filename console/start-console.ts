import { createNames } from '../src/contracts/names.ts';
import type { Project } from '../src/define/project.ts';
import { kafkaServers, temporalServer, type BaseConfig } from '../src/infra/base-config.ts';
import { createKafka } from '../src/infra/kafka.ts';
import type { Logger } from '../src/infra/logger.ts';
import { createMetrics, type Registry as Metrics } from '../src/infra/metrics.ts';
import { createPostgres } from '../src/infra/postgres.ts';
import { createRedis } from '../src/infra/redis.ts';
import { createOnlineStore } from '../src/store/online-store.ts';
import { programsOf } from '../src/store/project-definitions.ts';
import type { Addresses, ConsoleDeps } from './console-deps.ts';
import { createConsoleMetrics } from './console-metrics.ts';
import { createHttpServer } from './http/create-http-server.ts';
import { loadPageFiles } from './http/page-files.ts';
import { createFreshnessReader } from './freshness-reader.ts';
import { openLifecycleReader } from './lifecycle-reader.ts';
import type { ConsoleSettings } from './settings.ts';
import { commandOptions } from './shape/command-options.ts';
import { SharedReads } from './shared-reads.ts';

export interface ConsoleOptions {
  readonly project: Project;
  readonly config: BaseConfig;
  readonly settings: ConsoleSettings;
  readonly addresses: Addresses;
  readonly readProcesses: ConsoleDeps['readProcesses'];
  /** Where the stream process has its metrics; null where nobody knows. */
  readonly streamMetricsUrl: () => Promise<string | null>;
  readonly logger: Logger;
}

export interface RunningConsole {
  /** Where it listens, such as `http://127.0.0.1:7490`. */
  readonly url: string;
  readonly metrics: Metrics;
  stop(): Promise<void>;
}

/** Readings beyond it wait for one another: the console is no load to speak of. */
const POSTGRES_POOL_MAX = 4;
/** A statement that nobody waits for any more ends here. */
const STATEMENT_TIMEOUT_MS = 10_000;

/**
 * Starts the console: resolves when it listens. It waits for no server: what is away is missing from its
 * answers, and named there, until it comes back.
 */
export async function startConsole(options: ConsoleOptions): Promise<RunningConsole> {
  const { project, config, settings, logger } = options;
  const names = createNames(config.namespace);
  const metrics = createMetrics('console');
  const postgres = createPostgres({
    url: config.postgresUrl,
    applicationName: 'millrace-console',
    logger,
    poolMax: POSTGRES_POOL_MAX,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  });
  const redis = createRedis({ url: config.redisUrl, role: 'read', logger });
  const kafka = createKafka({
    ...kafkaServers(config),
    clientId: `${config.namespace}-console`,
    logger,
  });
  const lifecycles = openLifecycleReader(temporalServer(config), names, project.models);
  const deps: ConsoleDeps = {
    project,
    programs: programsOf(project),
    names,
    addresses: options.addresses,
    commandOptions: commandOptions(config.dataDir, process.cwd()),
    readProcesses: options.readProcesses,
    postgres,
    kafka,
    store: createOnlineStore(redis, names),
    lifecycles,
    freshness: createFreshnessReader(options.streamMetricsUrl),
    reads: new SharedReads({
      keepMs: settings.keepMs,
      limitMs: settings.readTimeoutMs,
      onRead: createConsoleMetrics(metrics),
    }),
    keepMs: settings.keepMs,
  };
  const http = createHttpServer({ deps, files: await loadPageFiles(), settings, metrics, logger });
  const url = await http.listen({ host: settings.host, port: settings.port });
  logger.info({ url }, 'console ready');
  return {
    url,
    metrics,
    async stop() {
      await http.close();
      redis.disconnect();
      await Promise.allSettled([postgres.close(), kafka.close(), lifecycles.close()]);
    },
  };
}

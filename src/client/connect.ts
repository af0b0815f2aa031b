import path from 'node:path';
import { createNames } from '../contracts/names.ts';
import { MillraceError } from '../core/millrace-error.ts';
import type { Model } from '../define/model.ts';
import { kafkaServers, loadBaseConfig, temporalServer } from '../infra/base-config.ts';
import { createArtifactStore } from '../infra/artifacts.ts';
import { createKafka } from '../infra/kafka.ts';
import { loadProject } from '../infra/load-project.ts';
import { createLogger } from '../infra/logger.ts';
import { loadColdLogConfig } from '../infra/cold-log-config.ts';
import { createPostgres } from '../infra/postgres.ts';
import { createRedis, redisReady } from '../infra/redis.ts';
import type { Environment } from '../infra/settings.ts';
import { connectTemporal } from '../infra/temporal.ts';
import { createRegistry } from '../registry/registry.ts';
import { readEventBalance } from '../store/event-balance.ts';
import { withDerivedOffsets } from '../store/derived/derived-offsets.ts';
import { countDecisions } from '../store/labelled-decisions.ts';
import { readLiveViews } from '../store/live-views.ts';
import { OnlineCatalog } from '../store/online-catalog.ts';
import { createColdLog, withColdLog } from '../store/cold-log/cold-log.ts';
import { createOnlineStore } from '../store/online-store.ts';
import { createReplayer } from '../stream/replayer.ts';
import { readExperimentResults } from '../monitoring/experiment-results.ts';
import { listReports } from '../monitoring/monitor-reports.ts';
import { compareWithVersion } from './compare-with-version.ts';
import { createLifecycleClient } from './lifecycle-client.ts';
import { readAsOfRows } from './read-as-of-rows.ts';
import type { MillraceClient } from './millrace-client.ts';

/** How long `waitVisible` waits unless told otherwise. */
const VISIBLE_TIMEOUT_MS = 120_000;

/**
 * Connects to a running Millrace. The environment names its servers and its project as for every process
 * (docs/configuration.md).
 * @throws MillraceError CONFIG_INVALID, PROJECT_INVALID, TEMPORAL_UNAVAILABLE, STORE_UNAVAILABLE, STREAM_UNAVAILABLE
 */
export async function connectMillrace(environment: Environment): Promise<MillraceClient> {
  const config = loadBaseConfig(environment);
  const logger = createLogger('client', config.logLevel);
  const project = await loadProject(config.project);
  const names = createNames(config.namespace);
  const coldLog = createColdLog(loadColdLogConfig(environment));
  const postgres = withColdLog(
    createPostgres({ url: config.postgresUrl, applicationName: 'millrace-client', logger }),
    coldLog,
  );
  const redis = createRedis({ url: config.redisUrl, role: 'write', logger });
  const kafka = createKafka({ ...kafkaServers(config), clientId: 'millrace-client', logger });
  const temporal = await connectTemporal(temporalServer(config));
  await redisReady(redis);
  const registry = createRegistry(postgres, createArtifactStore(path.join(config.dataDir, 'artifacts')));
  const onlineStore = createOnlineStore(redis, names);
  const replayer = await createReplayer(kafka, names, project);
  const modelOf = (name: string): Model => {
    const found = project.models.find((model) => model.name === name);
    if (found !== undefined) return found;
    throw new MillraceError('MODEL_NOT_FOUND', `Model '${name}' is not in the project '${project.name}'.`);
  };
  return {
    ...createLifecycleClient(temporal.client, names, project.models),
    replay: (events) => replayer.send(events),
    async waitVisible(positions, timeoutMs = VISIBLE_TIMEOUT_MS) {
      const giveUpAt = performance.now() + timeoutMs;
      const all = await withDerivedOffsets({ postgres, kafka, names }, project.sources, positions, timeoutMs);
      // Whatever may be read: the versions that run, not those that this program's file has.
      const live = (await readLiveViews(postgres, project)).filter(({ state }) => state === 'current' || state === 'retiring');
      const left = Math.max(0, giveUpAt - performance.now());
      await onlineStore.waitVisible(live.map(({ program }) => program), all, left);
    },
    eventBalance: () =>
      readEventBalance(
        postgres,
        kafka,
        names,
        project.sources.map((source) => source.name),
      ),
    allocation: (model) => registry.getAllocation(model),
    ledger: async (model, limit) => (await registry.ledger(model, limit)).reverse(),
    monitorReports: (model) => listReports(postgres, model),
    experimentResults: async (model, experiment = null) => readExperimentResults(postgres, modelOf(model), experiment),
    decisionCount: (model) => countDecisions(postgres, model),
    compareWithVersion: (model, version) => compareWithVersion({ postgres, registry, project }, model, version),
    readAsOf: (request) => readAsOfRows(postgres, new OnlineCatalog(project), request),
    async close() {
      await replayer.close();
      redis.disconnect();
      await Promise.all([kafka.close(), postgres.close(), temporal.close()]);
      coldLog.close();
    },
  };
}

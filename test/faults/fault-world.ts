import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { createNames, type Names } from '../../src/contracts/names.ts';
import type { ViewProgram } from '../../src/fold/compile-view.ts';
import { createKafka, type KafkaClient } from '../../src/infra/kafka.ts';
import { createLogger } from '../../src/infra/logger.ts';
import { migrate } from '../../src/infra/migrate.ts';
import { createPostgres, type Postgres } from '../../src/infra/postgres.ts';
import { createRedis, type Redis } from '../../src/infra/redis.ts';
import { applyProject } from '../../src/store/apply-project.ts';
import { createOnlineStore, type OnlineStore } from '../../src/store/online-store.ts';
import { programsOf } from '../../src/store/project-definitions.ts';
import { createRandom } from '../../src/training/seeded-random.ts';
import { choosePort, LOOPBACK } from '../../stack/free-port.ts';
import { eventually } from '../support/eventually.ts';
import { repositoryRoot } from '../support/repository-files.ts';
import type { ConsumerRole } from './consumer-order.ts';
import { FaultProcess } from './fault-process.ts';
import { FaultServers } from './fault-servers.ts';
import faultsProject from './faults-project.ts';
import { Sender } from './sender.ts';

/** A pipeline under test: its processes, the servers that it stands on, and this suite's own connections to them. */
export interface FaultWorld {
  readonly servers: FaultServers;
  readonly names: Names;
  readonly programs: readonly ViewProgram[];
  readonly brokers: readonly string[];
  readonly kafka: KafkaClient;
  readonly postgres: Postgres;
  readonly redis: Redis;
  readonly store: OnlineStore;
  readonly sender: Sender;
  /** All that run for the whole time: two members of each group, and the gateway. */
  readonly processes: readonly FaultProcess[];
  readonly members: Readonly<Record<'ingest' | 'fold', readonly FaultProcess[]>>;
  /** A process that is not there all the time: one more member, or a rebuild. The caller stops it. */
  startExtra(role: ConsumerRole): Promise<FaultProcess>;
  close(): Promise<void>;
}

const MEMBERS = 2;
const GATEWAY_LIMIT_MS = 60_000;
/** Each open of a world makes its random events by another stream of the seed. */
const TRAFFIC_STREAM = 0x5eed;

/** Opens a namespace of its own with a database, topics, two members in each group and a gateway. */
export async function openFaultWorld(dataDir: string, seed: number): Promise<FaultWorld> {
  const namespace = `f${randomBytes(4).toString('hex')}`;
  const servers = new FaultServers(dataDir, () => undefined);
  const logger = createLogger('faults', 'silent');
  const postgresUrl = await createDatabase(servers.address('postgres'), namespace);
  const brokers = [servers.address('kafka')];
  const postgres = createPostgres({ url: postgresUrl, applicationName: 'faults', logger });
  await migrate(postgres, path.join(repositoryRoot, 'migrations'));
  const names = createNames(namespace);
  const kafka = createKafka({ brokers, clientId: 'faults', logger });
  const redis = createRedis({ url: servers.address('redis'), role: 'write', logger });
  const store = createOnlineStore(redis, names);
  const programs = programsOf(faultsProject);
  await applyProject(faultsProject, {
    postgres,
    kafka,
    store,
    names,
    clock: Date.now,
    registerModel: async () => undefined,
  });

  const gatewayPort = await choosePort({ variable: '' }, {});
  const environment = {
    MILLRACE_PROJECT: path.join(repositoryRoot, 'test/faults/faults-project.ts'),
    MILLRACE_NAMESPACE: namespace,
    MILLRACE_LOG_LEVEL: 'warn',
    MILLRACE_KAFKA_BROKERS: brokers.join(','),
    MILLRACE_POSTGRES_URL: postgresUrl,
    MILLRACE_REDIS_URL: servers.address('redis'),
    MILLRACE_GATEWAY_PORT: String(gatewayPort),
  };
  const logs = path.join(dataDir, 'logs');
  await mkdir(logs, { recursive: true });
  const ports = {
    kafka: servers.port('kafka'),
    postgres: servers.port('postgres'),
    redis: servers.port('redis'),
  };
  const make = (
    name: string,
    file: string,
    role: ConsumerRole | undefined,
    restarts: boolean,
  ): FaultProcess =>
    new FaultProcess({
      name,
      file,
      environment: role === undefined ? environment : { ...environment, MILLRACE_FAULTS_ROLE: role },
      logFile: path.join(logs, `${namespace}-${name}.log`),
      ports,
      restarts,
    });
  const membersOf = (role: 'ingest' | 'fold'): FaultProcess[] =>
    Array.from({ length: MEMBERS }, (_, at) => make(`${role}-${at}`, 'consumer-process.ts', role, true));
  const members = { ingest: membersOf('ingest'), fold: membersOf('fold') };
  const gateway = make('gateway', '../../workers/gateway.ts', undefined, true);
  const processes = [...members.ingest, ...members.fold, gateway];
  await Promise.all([
    gateway.start(false),
    ...[...members.ingest, ...members.fold].map((member) => member.start()),
  ]);
  const gatewayUrl = `http://${LOOPBACK}:${gatewayPort}`;
  await eventually(
    'the gateway',
    GATEWAY_LIMIT_MS,
    () => fetch(`${gatewayUrl}/v1/health/ready`),
    ({ ok }) => ok,
  );
  const sender = await Sender.open({ kafka, names, gatewayUrl, random: createRandom(seed ^ TRAFFIC_STREAM) });
  let extras = 0;
  return {
    servers,
    names,
    programs,
    brokers,
    kafka,
    postgres,
    redis,
    store,
    sender,
    processes,
    members,
    async startExtra(role) {
      const extra = make(`${role}-extra-${extras++}`, 'consumer-process.ts', role, false);
      await extra.start();
      return extra;
    },
    async close() {
      await sender.close();
      await Promise.all(processes.map((one) => one.stop()));
      await kafka.close();
      redis.disconnect();
      await postgres.close();
    },
  };
}

async function createDatabase(serverUrl: string, name: string): Promise<string> {
  const admin = createPostgres({
    url: serverUrl,
    applicationName: 'faults',
    logger: createLogger('faults', 'silent'),
    poolMax: 1,
  });
  await admin.query(`CREATE DATABASE ${name}`);
  await admin.close();
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

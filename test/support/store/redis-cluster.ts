import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { endProcess, type OwnedProcess } from '../../../stack/end-process.ts';
import { findRedis } from '../../../stack/find-redis.ts';
import { choosePort, LOOPBACK } from '../../../stack/free-port.ts';
import { launchServer } from '../../../stack/launch-server.ts';
import { probeServer } from '../../../stack/probe-server.ts';
import { defaultCacheDir } from '../../../stack/start-stack.ts';

const SLOTS = 16_384;
const READY_LIMIT_MS = 30_000;
const END_LIMIT_MS = 10_000;
const POLL_MS = 50;

interface ClusterNode {
  readonly port: number;
  /** Where the nodes talk to each other: the default, ten thousand higher, lies where clients get their ports from. */
  readonly busPort: number;
  readonly id: string;
  /** For commands to this very node. */
  readonly client: Redis;
}

/** Three masters with a third of the slots each; what a node has acknowledged is on its disk. */
export interface RedisCluster {
  /** As MILLRACE_REDIS_URL takes it. */
  readonly url: string;
  readonly nodes: readonly ClusterNode[];
  /** The node that has the slot of a key. */
  ownerOf(key: string): Promise<ClusterNode>;
  /** Moves the slot of a key to another node; `halfway` runs while half of its keys have gone. */
  moveSlot(key: string, to: ClusterNode, halfway: () => Promise<void>): Promise<void>;
  /** SIGKILL, `away`, and the start of the same node on the same data. */
  crash(node: ClusterNode, away: () => Promise<void>): Promise<void>;
  stop(): Promise<void>;
}

export async function startRedisCluster(): Promise<RedisCluster> {
  const folder = mkdtempSync(path.join(tmpdir(), 'millrace-redis-cluster-'));
  const { signal } = new AbortController();
  const program = await findRedis({ cacheDir: defaultCacheDir(process.env), environment: process.env, signal, report: () => undefined, noteFailure: () => undefined });
  if (program === undefined) throw new Error('No redis-server for the cluster.');
  const running = new Map<number, OwnedProcess>();

  const launch = async ({ port, busPort }: Pick<ClusterNode, 'port' | 'busPort'>): Promise<void> => {
    const cwd = path.join(folder, String(port));
    mkdirSync(cwd, { recursive: true });
    const owned = await launchServer({
      server: 'redis',
      program: program.program,
      args: [
        ...['--bind', LOOPBACK, '--port', String(port), '--dir', cwd, '--save', ''],
        ...['--appendonly', 'yes', '--appendfsync', 'always'],
        ...['--cluster-enabled', 'yes', '--cluster-config-file', 'nodes.conf', '--cluster-node-timeout', '2000'],
        ...['--cluster-port', String(busPort)],
      ],
      cwd,
      environment: { ...process.env, ...(program.libraryFolders.length === 0 ? {} : { LD_LIBRARY_PATH: program.libraryFolders.join(':') }) },
      logFile: path.join(cwd, 'redis.log'),
      isReady: () => probeServer('redis', `redis://${LOOPBACK}:${port}`),
      readyLimitMs: READY_LIMIT_MS,
      signal,
      onSpawn: (spawned) => running.set(port, spawned),
    });
    running.set(port, owned);
  };
  const freePort = (): Promise<number> => choosePort({ variable: '' }, {});
  const addresses = await Promise.all(Array.from({ length: 3 }, async () => ({ port: await freePort(), busPort: await freePort() })));
  await Promise.all(addresses.map(launch));
  const nodes = await Promise.all(
    addresses.map(async ({ port, busPort }): Promise<ClusterNode> => {
      const client = new Redis({ host: LOOPBACK, port, maxRetriesPerRequest: null, retryStrategy: () => POLL_MS });
      client.on('error', () => undefined);
      return { port, busPort, client, id: await client.cluster('MYID') };
    }),
  );
  await join(nodes);

  const ownerOf = async (key: string): Promise<ClusterNode> => {
    const slot = await nodes[0]!.client.cluster('KEYSLOT', key);
    const ranges = (await nodes[0]!.client.cluster('SLOTS')) as unknown as [number, number, [string, number]][];
    const range = ranges.find(([from, to]) => from <= slot && slot <= to);
    const owner = nodes.find(({ port }) => port === range?.[2][1]);
    if (owner === undefined) throw new Error(`Nobody has slot ${slot}.`);
    return owner;
  };
  return {
    url: nodes.map(({ port }) => `redis://${LOOPBACK}:${port}`).join(','),
    nodes,
    ownerOf,
    async moveSlot(key, to, halfway) {
      const from = await ownerOf(key);
      const slot = await from.client.cluster('KEYSLOT', key);
      await to.client.cluster('SETSLOT', slot, 'IMPORTING', from.id);
      await from.client.cluster('SETSLOT', slot, 'MIGRATING', to.id);
      const migrate = async (count: number): Promise<void> => {
        const keys = (await from.client.cluster('GETKEYSINSLOT', slot, count));
        if (keys.length > 0) await from.client.call('MIGRATE', LOOPBACK, to.port, '', 0, 10_000, 'KEYS', ...keys);
      };
      await migrate(Math.ceil(Number(await from.client.cluster('COUNTKEYSINSLOT', slot)) / 2));
      await halfway();
      await migrate(1_000_000);
      for (const { client } of [to, from, ...nodes]) await client.cluster('SETSLOT', slot, 'NODE', to.id);
    },
    async crash(node, away) {
      await endProcess(running.get(node.port)!, 'SIGKILL', END_LIMIT_MS);
      await away();
      await launch(node);
      await untilAll(nodes);
    },
    async stop() {
      for (const { client } of nodes) client.disconnect();
      await Promise.all([...running.values()].map((owned) => endProcess(owned, 'SIGTERM', END_LIMIT_MS)));
      rmSync(folder, { recursive: true });
    },
  };
}

async function join(nodes: readonly ClusterNode[]): Promise<void> {
  const share = Math.ceil(SLOTS / nodes.length);
  for (const [i, { client, port, busPort }] of nodes.entries()) {
    const first = i * share;
    await client.cluster('ADDSLOTS', ...Array.from({ length: Math.min(share, SLOTS - first) }, (_, n) => first + n));
    if (i > 0) await nodes[0]!.client.cluster('MEET', LOOPBACK, port, busPort);
  }
  await untilAll(nodes);
}

/** Until every node has every slot at somebody who answers. */
async function untilAll(nodes: readonly ClusterNode[]): Promise<void> {
  const deadline = Date.now() + READY_LIMIT_MS;
  for (const { client } of nodes) {
    for (;;) {
      const info = await client.cluster('INFO');
      if (/cluster_state:ok/.test(info) && info.includes(`cluster_known_nodes:${nodes.length}`)) break;
      if (Date.now() > deadline) throw new Error(`The cluster is not whole: ${info}`);
      await sleep(POLL_MS);
    }
  }
}

import { Cluster, Redis as SingleRedis, type RedisCommander } from 'ioredis';
import { isMillraceError, messageOf, MillraceError } from '../core/millrace-error.ts';
import type { Logger } from './logger.ts';

/** A client of one server or of a cluster, with what both have. */
export interface Redis extends RedisCommander {
  readonly isCluster: boolean;
  readonly status: string;
  on(event: 'close', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  once(event: 'ready', listener: () => void): unknown;
  disconnect(): void;
}

/**
 * `read`: fails at once while Redis is away, for the serving path. `write`: waits for the connection,
 * and never resends a command whose answer was lost, because it may have run.
 */
export type RedisRole = 'read' | 'write';

/** Without a sign of life for so long a connection with a command under way is given up and made anew. */
const SILENCE_MS_MAX = 10_000;
const COMMAND_TIMEOUT_MS = { read: 1_000, write: 10_000 } as const;
const CONNECT_TIMEOUT_MS = 5_000;
const RECONNECT_MS_MAX = 1_000;
const REDIS_PORT = 6_379;
/** Between attempts while a slot moves or its node is away. */
const CLUSTER_RETRY_MS = 25;
/** A read gives up within a quarter of a second, a write goes on for seconds: a node may restart or lose its slots meanwhile. */
const REDIRECTIONS_MAX = { read: 8, write: 200 } as const;

export interface RedisOptions {
  /** One server; or nodes of a cluster, with commas between, or one with `?cluster=true`. */
  readonly url: string;
  readonly role: RedisRole;
  readonly logger: Logger;
}

export function createRedis(options: RedisOptions): Redis {
  const nodes = options.url.split(',').map((url) => new URL(url.trim()));
  const redis = nodes.length > 1 || isClusterNode(nodes[0]!) ? createCluster(nodes, options) : createSingle(options);
  redis.on('error', (error: Error) => options.logger.warn({ err: error }, 'Redis connection'));
  return redis;
}

const isClusterNode = (url: URL): boolean => url.searchParams.get('cluster') === 'true';

const connectionOptions = (role: RedisRole) => ({
  connectTimeout: CONNECT_TIMEOUT_MS,
  commandTimeout: COMMAND_TIMEOUT_MS[role],
  socketTimeout: SILENCE_MS_MAX,
});

function createSingle(options: RedisOptions): Redis {
  const redis = new SingleRedis(options.url, {
    ...connectionOptions(options.role),
    enableOfflineQueue: options.role === 'write',
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: options.role === 'read' ? 1 : null,
    retryStrategy: (attempt) => Math.min(50 * attempt, RECONNECT_MS_MAX),
  });
  redis.on('close', () => failUnanswered(redis));
  return redis;
}

/**
 * What a node of a cluster did not answer is sent again, to whoever has the slot then: what is written is compared and
 * set, so that twice is once. User, password and TLS are those of the first node.
 */
function createCluster(nodes: readonly URL[], { role }: RedisOptions): Redis {
  const [first] = nodes as [URL];
  const startNodes = nodes.map(({ hostname, port }) => ({ host: hostname, port: port === '' ? REDIS_PORT : Number(port) }));
  return new Cluster(startNodes, {
    enableOfflineQueue: role === 'write',
    maxRedirections: REDIRECTIONS_MAX[role],
    retryDelayOnFailover: CLUSTER_RETRY_MS,
    retryDelayOnClusterDown: CLUSTER_RETRY_MS,
    retryDelayOnTryAgain: CLUSTER_RETRY_MS,
    clusterRetryStrategy: (attempt) => Math.min(50 * attempt, RECONNECT_MS_MAX),
    redisOptions: {
      ...connectionOptions(role),
      ...(first.username === '' ? {} : { username: decodeURIComponent(first.username) }),
      ...(first.password === '' ? {} : { password: decodeURIComponent(first.password) }),
      // A certificate is for the name of a node: what the cluster tells is not resolved any further.
      ...(first.protocol === 'rediss:' ? { tls: {} } : {}),
    },
    ...(first.protocol === 'rediss:' ? { dnsLookup: (address, found) => found(null, address) } : {}),
  });
}

/**
 * Fails at once what was sent over a connection that is lost. The driver, told not to send it again, would leave it
 * unanswered until its time limit. Its types hide the function that it does this with at the end of a client.
 */
function failUnanswered(redis: SingleRedis): void {
  const error = new Error('the connection was lost before the answer came');
  (redis as unknown as Flushable).flushQueue(error, { offlineQueue: false, commandQueue: true });
}

interface Flushable {
  flushQueue(error: Error, queues: { offlineQueue: boolean; commandQueue: boolean }): void;
}

/** The servers that hold keys, each to be asked for its own. */
export const serversOf = (redis: Redis): readonly Pick<RedisCommander, 'scan'>[] =>
  redis instanceof Cluster ? redis.nodes('master') : [redis];

/** Resolves once commands can be sent. */
export async function redisReady(redis: Redis): Promise<void> {
  if (redis.status === 'ready') return;
  await new Promise<void>((resolve, reject) => {
    const limit = setTimeout(() => reject(translateRedisError(new Error('not ready in time'), 'connecting')), CONNECT_TIMEOUT_MS);
    redis.once('ready', () => {
      clearTimeout(limit);
      resolve();
    });
  });
}

export function translateRedisError(error: unknown, doing: string): Error {
  if (isMillraceError(error)) return error;
  return new MillraceError(
    'STORE_UNAVAILABLE',
    `Redis did not answer while ${doing}: ${messageOf(error)}. Check that it runs and that MILLRACE_REDIS_URL is right.`,
    { cause: error },
  );
}

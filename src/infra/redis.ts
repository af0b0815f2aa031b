import { Redis } from 'ioredis';
import { isMillraceError, messageOf, MillraceError } from '../core/millrace-error.ts';
import type { Logger } from './logger.ts';

export type { Redis };

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

export function createRedis(options: { url: string; role: RedisRole; logger: Logger }): Redis {
  const redis = new Redis(options.url, {
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: COMMAND_TIMEOUT_MS[options.role],
    socketTimeout: SILENCE_MS_MAX,
    enableOfflineQueue: options.role === 'write',
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: options.role === 'read' ? 1 : null,
    retryStrategy: (attempt) => Math.min(50 * attempt, RECONNECT_MS_MAX),
  });
  redis.on('close', () => failUnanswered(redis));
  redis.on('error', (error: Error) => options.logger.warn({ err: error }, 'Redis connection'));
  return redis;
}

/**
 * Fails at once what was sent over a connection that is lost. The driver, told not to send it again, would leave it
 * unanswered until its time limit. Its types hide the function that it does this with at the end of a client.
 */
function failUnanswered(redis: Redis): void {
  const error = new Error('the connection was lost before the answer came');
  (redis as unknown as Flushable).flushQueue(error, { offlineQueue: false, commandQueue: true });
}

interface Flushable {
  flushQueue(error: Error, queues: { offlineQueue: boolean; commandQueue: boolean }): void;
}

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

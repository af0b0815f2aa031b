import { createNames } from '../contracts/names.ts';
import { loadOnlineStoreConfig } from '../infra/base-config.ts';
import { createLogger } from '../infra/logger.ts';
import { createRedis, redisReady } from '../infra/redis.ts';
import type { Environment } from '../infra/settings.ts';
import { createOnlineStore, type OnlineStore } from '../store/online-store.ts';

/** An online store with a connection that the caller ends. */
export interface OnlineConnection extends OnlineStore {
  close(): Promise<void>;
}

/** @throws MillraceError CONFIG_INVALID, STORE_UNAVAILABLE */
export async function connectOnlineStore(environment: Environment): Promise<OnlineConnection> {
  const config = loadOnlineStoreConfig(environment);
  const redis = createRedis({
    url: config.redisUrl,
    role: 'read',
    logger: createLogger('client', config.logLevel),
  });
  try {
    await redisReady(redis);
  } catch (error) {
    redis.disconnect();
    throw error;
  }
  return {
    ...createOnlineStore(redis, createNames(config.namespace)),
    async close() {
      await redis.quit();
    },
  };
}

import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLogger } from '../../../src/infra/logger.ts';
import { createPostgres, type Postgres } from '../../../src/infra/postgres.ts';
import { createRedis, redisReady, type Redis } from '../../../src/infra/redis.ts';
import { FaultProxy } from '../../support/fault-proxy.ts';
import { testPrefix, testStack } from '../../support/test-stack.ts';

const logger = createLogger('test', 'silent');

/** An address of the test stack, by way of a proxy. */
async function throughProxy(address: string): Promise<{ proxy: FaultProxy; url: string }> {
  const url = new URL(address);
  const proxy = new FaultProxy(Number(url.port));
  url.port = String(await proxy.listen());
  return { proxy, url: url.href };
}

describe('a connection to Postgres that died without a word', () => {
  const SILENCE_MS = 500;
  let proxy: FaultProxy;
  let postgres: Postgres;
  beforeEach(async () => {
    const link = await throughProxy(testStack().postgresUrl);
    proxy = link.proxy;
    postgres = createPostgres({ url: link.url, applicationName: 'test', logger, silenceMsMax: SILENCE_MS });
  });
  afterEach(async () => {
    await proxy.close();
    await postgres.close();
  });

  it('fails a statement after the limit, and the next one goes over a new connection', async () => {
    await postgres.query('SELECT 1');
    proxy.forgetConnections();
    await expect(postgres.query('SELECT 1')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(await postgres.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('fails a transaction and a COPY that are under way', async () => {
    const transaction = postgres.transaction(async (tx) => {
      await tx.query('SELECT 1');
      proxy.forgetConnections();
      await tx.query('SELECT 1');
    });
    await expect(transaction).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    const copy = postgres.copyOut('COPY (SELECT generate_series(1, 3000000)) TO STDOUT', () => {
      proxy.forgetConnections();
    });
    await expect(copy).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  it('gives the locks of its transaction back', async () => {
    const table = `locks_${testPrefix()}`;
    await postgres.query(`CREATE TABLE ${table} AS SELECT 1 AS one`);
    const lock = `UPDATE ${table} SET one = one + 1`;
    const transaction = postgres.transaction(async (tx) => {
      await tx.query(lock);
      proxy.forgetConnections();
      await tx.query(lock);
    });
    await expect(transaction).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect.poll(() => postgres.query(lock).catch(() => 'locked'), { timeout: 5_000 }).toEqual([]);
    expect(await postgres.query(`SELECT one FROM ${table}`)).toEqual([{ one: 2 }]);
    await postgres.query(`DROP TABLE ${table}`);
  });

  it('leaves alone a statement that answers in time, and a transaction that lasts longer', async () => {
    await postgres.transaction(async (tx) => {
      for (let step = 0; step < 4; step++) await tx.query('SELECT pg_sleep(0.2)');
    });
  });
});

describe('a connection to Redis', () => {
  let proxy: FaultProxy;
  let redis: Redis;
  beforeEach(async () => {
    const link = await throughProxy(testStack().redisUrl);
    proxy = link.proxy;
    redis = createRedis({ url: link.url, role: 'write', logger });
    await redisReady(redis);
  });
  afterEach(async () => {
    redis.disconnect();
    await proxy.close();
  });

  it('that is reset fails what was not answered at once, and commands wait for the next one', async () => {
    const key = testPrefix();
    proxy.forgetConnections();
    const unanswered = expect(redis.get(key)).rejects.toThrow('before the answer came');
    await sleep(50);
    const cutAt = performance.now();
    proxy.set('cut');
    await unanswered;
    expect(performance.now() - cutAt).toBeLessThan(2_000);
    const waiting = redis.get(key);
    proxy.set('open');
    expect(await waiting).toBeNull();
  });

  it('that died without a word is made anew', async () => {
    proxy.forgetConnections();
    await expect(redis.get('x')).rejects.toThrow();
    await expect.poll(() => redis.ping().catch(() => 'none'), { timeout: 15_000 }).toBe('PONG');
  });
});

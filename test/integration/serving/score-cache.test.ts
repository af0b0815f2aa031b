import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createNames } from '../../../src/contracts/names.ts';
import { createLogger } from '../../../src/infra/logger.ts';
import { createRedis, redisReady, type Redis } from '../../../src/infra/redis.ts';
import { systemTimers } from '../../../serving/batcher/timers.ts';
import { createScoreCache } from '../../../serving/cache/create-score-cache.ts';
import type { CacheOutcome } from '../../../serving/cache/score-cache.ts';
import type { RunningServing } from '../../../serving/start-serving.ts';
import { createServingStage, WEIGHTS, type ServingStage } from '../../support/serving/serving-stage.ts';
import { tinyScore, type TinyModel } from '../../support/serving/tiny-onnx.ts';
import { testPrefix, testStack } from '../../support/test-stack.ts';

const logger = createLogger('test', 'silent');
const SOON_MS = 5_000;
const soon = (): number => systemTimers.now() + SOON_MS;
/** Answers every row with the same score. */
const always = (score: number) => (rows: number) => Promise.resolve({ scores: new Float32Array(rows).fill(score), queueMs: 0, computeMs: 1 });

describe('scores that processes share in Redis', () => {
  const names = createNames(testPrefix());
  let redis: Redis;
  beforeAll(async () => {
    redis = createRedis({ url: testStack().redisUrl, role: 'read', logger });
    await redisReady(redis);
  });
  afterAll(() => redis.disconnect());

  const cacheOf = (digest: string, over: Partial<{ redis: Redis; cacheTtlMs: number }> = {}) => {
    const seen: Partial<Record<CacheOutcome, number>> = {};
    const caching = { cache: 'redis', cacheRowsMax: 100, cacheTtlMs: over.cacheTtlMs ?? 60_000 } as const;
    const deps = { caching, redis: over.redis ?? redis, names, timers: systemTimers, logger };
    const cache = createScoreCache(deps, digest, 2, (outcome, rows) => {
      seen[outcome] = (seen[outcome] ?? 0) + rows;
    })!;
    return { seen, cache };
  };
  const rows = Float32Array.of(1, 2, NaN, -0);

  it('are found by the other, also in part, and never under another model', async () => {
    const [first, second, other] = [cacheOf('a'), cacheOf('a'), cacheOf('b')];
    expect([...(await first.cache.score(rows.slice(0, 2), always(0.25), soon())).scores]).toEqual([0.25]);
    await vi.waitFor(async () => expect(await redis.keys(`${names.namespace}:score:a:*`)).toHaveLength(1));
    expect([...(await second.cache.score(rows, always(0.5), soon())).scores]).toEqual([0.25, 0.5]);
    expect(second.seen).toEqual({ shared: 1, run: 1 });
    expect([...(await second.cache.score(rows, always(0.75), soon())).scores]).toEqual([0.25, 0.5]);
    expect(second.seen).toEqual({ shared: 1, run: 1, memory: 2 });
    expect([...(await other.cache.score(rows, always(0.75), soon())).scores]).toEqual([0.75, 0.75]);
  });

  it('end with their time', async () => {
    await cacheOf('c', { cacheTtlMs: 50 }).cache.score(rows, always(0.25), soon());
    await vi.waitFor(async () => expect(await redis.keys(`${names.namespace}:score:c:*`)).toEqual([]), { timeout: SOON_MS });
  });

  it('are of the row that was asked for, even where another one has its hash', async () => {
    await cacheOf('d').cache.score(rows.slice(0, 2), always(0.25), soon());
    const key = await vi.waitFor(async () => {
      const [found] = await redis.keys(`${names.namespace}:score:d:*`);
      expect(found).toBeDefined();
      return found!;
    });
    const value = (await redis.getBuffer(key))!;
    value.writeFloatLE(99, 0);
    await redis.set(key, value);
    const { seen, cache } = cacheOf('d');
    expect([...(await cache.score(rows.slice(0, 2), always(0.5), soon())).scores]).toEqual([0.5]);
    expect(seen).toEqual({ run: 1 });
  });

  it('are done without while Redis is away', async () => {
    const away = createRedis({ url: 'redis://127.0.0.1:1', role: 'read', logger });
    const { seen, cache } = cacheOf('e', { redis: away });
    for (let round = 0; round < 3; round++) {
      const row = Float32Array.of(round, 0);
      expect([...(await cache.score(row, always(0.5), soon())).scores]).toEqual([0.5]);
    }
    expect(seen).toEqual({ run: 3 });
    away.disconnect();
  });
});

describe('a serving process with a cache', () => {
  const model: TinyModel = { weights: WEIGHTS, bias: 0 };
  const next: TinyModel = { weights: WEIGHTS, bias: 1 };
  let stage: ServingStage;
  let serving: RunningServing;
  let version: number;
  beforeAll(async () => {
    stage = await createServingStage();
    version = await stage.register(model);
    await stage.allocate({ champion: version });
    serving = await stage.serve({ MILLRACE_SERVING_CACHE: 'redis' });
    await vi.waitFor(() => expect(serving.dataPlane.ready).toBe(true), { timeout: 30_000, interval: 50 });
  });
  afterAll(() => stage.close());

  const champion = () => serving.dataPlane.model('delay').router.routes.champion?.version;
  const predict = async (...distances: number[]) => {
    const instances = distances.map((distance) => ({ flightId: `F${distance}`, origin: 'JFK', carrier: 'UA', distance }));
    return (await serving.dataPlane.predict('delay', instances)).map(({ score }) => score);
  };
  const scoreOf = (tiny: TinyModel, distance: number): number => tinyScore(tiny, [0, 0, distance, 3]);
  const outcomes = async (): Promise<Record<string, number>> => {
    const metric = await serving.metrics.getSingleMetric('millrace_cache_rows_total')!.get();
    return Object.fromEntries(metric.values.map(({ labels, value }) => [String((labels as { outcome: string }).outcome), value]));
  };

  it('answers the same rows with the same scores and runs them once', async () => {
    for (let round = 0; round < 3; round++) {
      const scores = await predict(100, 200, 100);
      [100, 200, 100].forEach((distance, i) => expect(scores[i]).toBeCloseTo(scoreOf(model, distance), 5));
    }
    expect(await outcomes()).toEqual({ run: 2, joined: 1, memory: 6, shared: 0, skipped: 0 });
    expect(await serving.metrics.metrics()).toMatch(/millrace_cache_size_rows\{model="delay"[^}]*\} 2/);
  });

  it('every one of them is a decision of its own', async () => {
    const [one, other] = await serving.dataPlane.predict('delay', [100, 100].map((distance) => ({ flightId: 'F', origin: 'JFK', carrier: 'UA', distance })));
    expect(one!.decisionId).not.toBe(other!.decisionId);
  });

  it('asks another version anew, and the former one again once it is back', async () => {
    const replacement = await stage.register(next);
    await stage.allocate({ champion: replacement });
    await vi.waitFor(() => expect(champion()).toBe(replacement), { timeout: 30_000, interval: 50 });
    expect((await predict(100))[0]).toBeCloseTo(scoreOf(next, 100), 5);
    await stage.allocate({ champion: version });
    await vi.waitFor(() => expect(champion()).toBe(version), { timeout: 30_000, interval: 50 });
    const before = await outcomes();
    expect((await predict(100))[0]).toBeCloseTo(scoreOf(model, 100), 5);
    // Its memory went with it; Redis still knows.
    expect(await outcomes()).toEqual({ ...before, shared: 1 });
  });
});

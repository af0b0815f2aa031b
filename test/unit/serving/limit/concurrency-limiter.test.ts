import { describe, expect, it } from 'vitest';
import { Batcher } from '../../../../serving/batcher/batcher.ts';
import { priorities, type Priority } from '../../../../serving/batcher/priority.ts';
import { ConcurrencyLimiter } from '../../../../serving/limit/concurrency-limiter.ts';
import { GradientLimit } from '../../../../serving/limit/gradient-limit.ts';
import { isMillraceError, MillraceError } from '../../../../src/core/millrace-error.ts';
import { VirtualTimers } from '../../../support/serving/virtual-timers.ts';

const BATCH_ROWS = 4;
const BATCH_MS = 20;
const CAPACITY_PER_SECOND = (1_000 / BATCH_MS) * BATCH_ROWS;
const bounds = { initial: 100, min: 4, max: 400 };

interface Outcome {
  readonly at: number;
  readonly priority: Priority;
  /** Null for one that was refused. */
  readonly latencyMs: number | null;
}

/** A model behind a batcher, in virtual time, whose clients ask at a rate whatever the answers are. */
function setUp(limit: GradientLimit | null) {
  const timers = new VirtualTimers();
  const model = { batchMs: BATCH_MS };
  const batcher = new Batcher({
    label: 'm/1',
    columns: 1,
    batchRowsMax: BATCH_ROWS,
    queueRowsMax: 10_000,
    minimumWaitMs: 0,
    warmBatchMs: BATCH_MS,
    timers,
    run: async (features) => {
      await timers.sleep(model.batchMs);
      return features.slice();
    },
  });
  const limiter = new ConcurrencyLimiter({ model: 'm', limit, timers });
  const outcomes: Outcome[] = [];
  const ask = async (priority: Priority): Promise<void> => {
    const at = timers.now();
    try {
      await limiter.run(priority, async (noteWait) => {
        noteWait((await batcher.submit(1, () => undefined, at + 60_000, { priority })).queueMs);
      });
      outcomes.push({ at, priority, latencyMs: timers.now() - at });
    } catch (error) {
      if (!isMillraceError(error) || error.code !== 'SERVING_OVERLOADED') throw error;
      outcomes.push({ at, priority, latencyMs: null });
    }
  };
  const offer = async (perSecond: number, seconds: number, levels: readonly Priority[] = ['normal']): Promise<Outcome[]> => {
    outcomes.length = 0;
    const until = timers.now() + seconds * 1_000;
    let sent = 0;
    const next = (): void => {
      void ask(levels[sent++ % levels.length] as Priority);
      if (timers.now() < until) timers.after(1_000 / perSecond, next);
    };
    next();
    await timers.runUntil(until);
    return [...outcomes];
  };
  return { model, limiter, offer };
}

const answered = (outcomes: readonly Outcome[]): number[] => outcomes.flatMap(({ latencyMs }) => latencyMs ?? []);
const p99 = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.99)] as number;

describe('an adaptive limit in front of a queue', { timeout: 60_000 }, () => {
  it('keeps latency near that of a queue of one batch at three times the load, and throughput at what the model can', async () => {
    const limited = setUp(new GradientLimit(bounds));
    await limited.offer(3 * CAPACITY_PER_SECOND, 8);
    const outcomes = await limited.offer(3 * CAPACITY_PER_SECOND, 5);
    expect(answered(outcomes).length / 5).toBeGreaterThan(0.95 * CAPACITY_PER_SECOND);
    expect(p99(answered(outcomes))).toBeLessThanOrEqual(5 * BATCH_MS);
    const without = setUp(null);
    expect(p99(answered(await without.offer(3 * CAPACITY_PER_SECOND, 5)))).toBeGreaterThan(100 * BATCH_MS);
    expect(without.limiter.limit).toBeNull();
  });

  it('refuses nothing below what the model can, nor a burst of half the limit', async () => {
    const { limiter, offer } = setUp(new GradientLimit(bounds));
    const outcomes = await offer(0.7 * CAPACITY_PER_SECOND, 5);
    expect(outcomes.filter(({ latencyMs }) => latencyMs === null)).toEqual([]);
    expect(limiter.limit).toBe(bounds.initial);
    expect((await offer(50_000, 0.001)).filter(({ latencyMs }) => latencyMs === null)).toEqual([]);
  });

  it('follows a model that gets slower and faster again', async () => {
    const { model, limiter, offer } = setUp(new GradientLimit(bounds));
    await offer(1.5 * CAPACITY_PER_SECOND, 5);
    model.batchMs *= 5;
    await offer(1.5 * CAPACITY_PER_SECOND, 10);
    const slow = await offer(1.5 * CAPACITY_PER_SECOND, 5);
    expect(p99(answered(slow))).toBeLessThanOrEqual(5 * model.batchMs);
    expect(answered(slow).length / 5).toBeGreaterThan((0.9 * CAPACITY_PER_SECOND) / 5);
    model.batchMs = BATCH_MS;
    await offer(1.5 * CAPACITY_PER_SECOND, 5);
    expect(answered(await offer(1.5 * CAPACITY_PER_SECOND, 5)).length / 5).toBeGreaterThan(0.95 * CAPACITY_PER_SECOND);
    expect(limiter.limit).toBeLessThan(bounds.initial);
  });

  it('keeps a share of the places for each level, so that none is shut out by the others', async () => {
    const { offer } = setUp(new GradientLimit(bounds));
    const crowd: Priority[] = [...Array.from({ length: 18 }, (): Priority => 'low'), 'normal', 'high'];
    await offer(10 * CAPACITY_PER_SECOND, 6, crowd);
    const outcomes = await offer(10 * CAPACITY_PER_SECOND, 3, crowd);
    const servedOf = (wanted: Priority): number => {
      const own = outcomes.filter(({ priority }) => priority === wanted);
      return answered(own).length / own.length;
    };
    // Half of the capacity in each of the two upper levels: theirs is all answered, the rest is for the crowd.
    expect(servedOf('high')).toBe(1);
    expect(servedOf('low')).toBeGreaterThan(0);
    for (const priority of priorities) expect(servedOf(priority)).toBeGreaterThan(0);
  });
});

describe('a limiter', () => {
  const setUpSmall = (limit = 4) => {
    const timers = new VirtualTimers();
    return { timers, limiter: new ConcurrencyLimiter({ model: 'm', limit: new GradientLimit({ initial: limit, min: 1, max: 100 }), timers }) };
  };

  it('says when to come again, and counts out what failed', async () => {
    const { timers, limiter } = setUpSmall(1);
    const failing = limiter.run('normal', () => timers.sleep(5).then(() => Promise.reject(new Error('no'))));
    const failed = expect(failing).rejects.toThrow('no');
    await expect(limiter.run('normal', () => Promise.resolve(1))).rejects.toMatchObject({
      code: 'SERVING_OVERLOADED',
      message: expect.stringContaining('1 are under way, and its latency allows 1') as string,
      details: { retryAfterSeconds: 1 },
    });
    await timers.runUntil(10);
    await failed;
    expect(limiter.inFlight).toBe(0);
  });

  it('takes time that was spent in vain for waiting, and a caller that had none to spend for nothing', async () => {
    const { timers, limiter } = setUpSmall(20);
    const round = async (tookMs: number): Promise<void> => {
      const late = Array.from({ length: 20 }, () =>
        limiter.run('normal', () => timers.sleep(tookMs).then(() => Promise.reject(new MillraceError('SERVING_DEADLINE_EXCEEDED', 'late')))).catch(() => undefined),
      );
      await timers.runUntil(timers.now() + Math.max(200, tookMs));
      await Promise.all(late);
    };
    await round(0);
    expect(limiter.limit).toBe(20);
    for (let i = 0; i < 20; i++) await round(500);
    expect(limiter.limit).toBeLessThan(12);
  });
});

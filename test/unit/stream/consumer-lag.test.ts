import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ConsumerOptions } from '../../../src/infra/kafka.ts';
import type { PartitionBatch } from '../../../src/infra/kafka-consumer.ts';
import { createLogger } from '../../../src/infra/logger.ts';
import { Registry } from '../../../src/infra/metrics.ts';
import { startMeasuredConsumer } from '../../../src/stream/consumer-lag.ts';
import { createStreamMetrics } from '../../../src/stream/stream-metrics.ts';

const SILENCE_MS = 11_000;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const at = (topic: string, ...partitions: number[]) => partitions.map((partition) => ({ topic, partition }));

/** A consumer of topics `a` and `b`, whose driver is this test. Offsets after the last message are in `ends`, by topic. */
async function startConsumer(over: Partial<ConsumerOptions> = {}) {
  const ends: Record<string, number[]> = { a: [0, 0, 0], b: [0] };
  const asked: string[] = [];
  let isAway = false;
  let end: () => void = () => undefined;
  const started: ConsumerOptions[] = [];
  const kafka = {
    topicOffsets: (topic: string) => {
      asked.push(topic);
      if (isAway) return Promise.reject(new Error('Kafka is away'));
      return Promise.resolve((ends[topic] ?? []).map((last, partition) => ({ partition, earliest: 0, end: last })));
    },
    startConsumer: (options: ConsumerOptions) => {
      started.push(options);
      const ended = new Promise<void>((resolve) => (end = resolve));
      return Promise.resolve({ ended, seek: () => undefined, stop: () => Promise.resolve() });
    },
  };
  const metrics = createStreamMetrics(new Registry());
  const deps = { kafka, metrics, logger: createLogger('test', 'silent') };
  const onBatch = vi.fn<ConsumerOptions['onBatch']>(() => Promise.resolve(undefined));
  const consumer = await startMeasuredConsumer(deps, { groupId: 'g', topics: ['a', 'b'], positionOf: () => Promise.resolve(null), onBatch, ...over });
  const [options] = started as [ConsumerOptions];
  const batch = (topic: string, partition: number, first: number, count: number, of: Partial<PartitionBatch> = {}): PartitionBatch => ({
    topic,
    partition,
    fetchedOffset: first,
    messages: [],
    lastOffset: first + count - 1,
    endOffset: ends[topic]?.[partition] ?? 0,
    heartbeat: () => Promise.resolve(),
    pause: () => undefined,
    isOwned: () => true,
    ...of,
  });
  const shown = async () => {
    const { values } = await metrics.lag.get();
    return Object.fromEntries(values.map(({ labels, value }) => [`${labels.topic}/${labels.partition}`, value]));
  };
  const finish = async () => {
    end();
    await consumer.ended;
  };
  return { options, onBatch, ends, asked, batch, shown, finish, setAway: (away: boolean) => (isAway = away) };
}

test('the lag is what a batch leaves in Kafka', async () => {
  const { options, ends, batch, shown } = await startConsumer();
  options.onAssigned?.(at('a', 0));
  ends.a = [200_010];
  await options.onBatch(batch('a', 0, 0, 10));
  expect(await shown()).toEqual({ 'a/0': 200_000 });
  await options.onBatch(batch('a', 0, 10, 200_000));
  expect(await shown()).toEqual({ 'a/0': 0 });
});

test('partitions that another member got are shown no longer, and the others as before', async () => {
  const assignments: unknown[] = [];
  const { options, ends, batch, shown } = await startConsumer({ onAssigned: (partitions) => assignments.push(partitions) });
  options.onAssigned?.(at('a', 0, 1));
  ends.a = [20, 30];
  await options.onBatch(batch('a', 0, 0, 10));
  await options.onBatch(batch('a', 1, 0, 10));
  options.onAssigned?.(at('a', 1));
  expect(await shown()).toEqual({ 'a/1': 20 });
  // The end of a batch that was in hand at the rebalance.
  await options.onBatch(batch('a', 0, 0, 10));
  expect(await shown()).toEqual({ 'a/1': 20 });
  expect(assignments).toEqual([at('a', 0, 1), at('a', 1)]);
});

test('a consumer that ended shows nothing', async () => {
  const { options, ends, asked, batch, shown, finish } = await startConsumer();
  options.onAssigned?.(at('a', 0));
  ends.a = [20];
  await options.onBatch(batch('a', 0, 0, 10));
  await finish();
  await options.onBatch(batch('a', 0, 10, 5));
  await vi.advanceTimersByTimeAsync(2 * SILENCE_MS);
  expect(await shown()).toEqual({});
  expect(asked).toEqual([]);
});

test('a batch that fails is counted as waiting, and what comes behind it too, however often it is tried', async () => {
  const { options, onBatch, ends, batch, shown } = await startConsumer();
  options.onAssigned?.(at('a', 0));
  ends.a = [10];
  await options.onBatch(batch('a', 0, 0, 10));
  expect(await shown()).toEqual({ 'a/0': 0 });
  onBatch.mockRejectedValue(new Error('Redis is away'));
  ends.a = [15];
  const stuck = batch('a', 0, 10, 5);
  await expect(options.onBatch(stuck)).rejects.toThrow('away');
  expect(await shown()).toEqual({ 'a/0': 5 });
  ends.a = [150_015];
  for (let second = 0; second < SILENCE_MS; second += 1_000) {
    await vi.advanceTimersByTimeAsync(1_000);
    await expect(options.onBatch(stuck)).rejects.toThrow('away');
  }
  expect(await shown()).toEqual({ 'a/0': 150_005 });
  onBatch.mockResolvedValue(undefined);
  await options.onBatch(stuck);
  await options.onBatch(batch('a', 0, 15, 150_000));
  expect(await shown()).toEqual({ 'a/0': 0 });
});

test('partitions without a batch are measured from their positions, also while others hold up the consumer', async () => {
  const { options, ends, shown } = await startConsumer({ positionOf: ({ topic }) => Promise.resolve(topic === 'a' ? 7 : null) });
  options.onAssigned?.([...at('a', 0, 2), ...at('b', 0)]);
  for (const of of [...at('a', 0, 1, 2), ...at('b', 0)]) await options.positionOf(of);
  ends.a = [7, 100, 9];
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await shown()).toEqual({ 'a/0': 0, 'a/2': 2 });
  ends.a = [1_007, 100, 9];
  await vi.advanceTimersByTimeAsync(SILENCE_MS);
  expect(await shown()).toEqual({ 'a/0': 1_000, 'a/2': 2 });
});

test('Kafka is asked for topics of silent partitions only, each once in ten seconds, and after a failure again', async () => {
  const { options, ends, asked, batch, shown, setAway } = await startConsumer();
  options.onAssigned?.([...at('a', 0, 1), ...at('b', 0)]);
  ends.a = [10, 10];
  ends.b = [10];
  for (const partition of [0, 1]) await options.onBatch(batch('a', partition, 0, 10));
  for (let n = 0; n < 30; n++) {
    ends.b = [n + 1];
    await options.onBatch(batch('b', 0, n, 1));
    await vi.advanceTimersByTimeAsync(1_000);
  }
  expect(asked).toEqual(['a', 'a', 'a']);
  setAway(true);
  ends.a = [25, 10];
  await vi.advanceTimersByTimeAsync(SILENCE_MS);
  expect(await shown()).toEqual({ 'a/0': 0, 'a/1': 0, 'b/0': 0 });
  setAway(false);
  await vi.advanceTimersByTimeAsync(SILENCE_MS);
  expect(await shown()).toEqual({ 'a/0': 15, 'a/1': 0, 'b/0': 0 });
});

test('a fetch from before the known position, where a seek was not heard in time, does not make it larger', async () => {
  const { options, onBatch, ends, batch, shown } = await startConsumer({ positionOf: () => Promise.resolve(990) });
  options.onAssigned?.(at('a', 0));
  await options.positionOf({ topic: 'a', partition: 0 });
  ends.a = [1_000];
  onBatch.mockRejectedValue(new Error('Postgres is away'));
  await expect(options.onBatch(batch('a', 0, 0, 100))).rejects.toThrow('away');
  expect(await shown()).toEqual({ 'a/0': 10 });
});

test('a batch that asks to read on elsewhere leaves all from there', async () => {
  const { options, onBatch, ends, batch, shown } = await startConsumer();
  options.onAssigned?.(at('a', 0));
  ends.a = [100];
  onBatch.mockResolvedValue(30);
  await options.onBatch(batch('a', 0, 50, 50));
  expect(await shown()).toEqual({ 'a/0': 70 });
  onBatch.mockResolvedValue(undefined);
  await options.onBatch(batch('a', 0, 30, 70, { isOwned: () => false }));
  expect(await shown()).toEqual({ 'a/0': 70 });
});

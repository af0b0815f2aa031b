import { expect, test, vi } from 'vitest';
import { createNames } from '../../../src/contracts/names.ts';
import type { ConsumerOptions, KafkaClient } from '../../../src/infra/kafka.ts';
import { createLogger } from '../../../src/infra/logger.ts';
import { Registry } from '../../../src/infra/metrics.ts';
import type { Postgres } from '../../../src/infra/postgres.ts';
import { startIngest } from '../../../src/stream/ingest.ts';
import { createStreamMetrics } from '../../../src/stream/stream-metrics.ts';
import { departures } from '../../support/serving/tiny-project.ts';

const at = { topic: 't.source.departures', partition: 0 };

/** A member of the ingest group: what it gave to its consumer. The log reads on at `next`; null: it was not applied. */
async function startMember(next: number | null, kept: { earliest: number; end: number }) {
  const logger = createLogger('test', 'silent');
  const logged = vi.spyOn(logger, 'error');
  const started: ConsumerOptions[] = [];
  const kafka = {
    createProducer: () => Promise.resolve({ close: () => Promise.resolve() }),
    topicOffsets: () => Promise.resolve([{ partition: 0, ...kept }]),
    startConsumer: (options: ConsumerOptions) => {
      started.push(options);
      return Promise.resolve({ ended: Promise.resolve() });
    },
  } as unknown as KafkaClient;
  const postgres = {
    query: () => Promise.resolve(next === null ? [] : [{ next: String(next) }]),
  } as unknown as Postgres;
  const metrics = createStreamMetrics(new Registry());
  await startIngest({ kafka, postgres, logger, metrics, names: createNames('t') }, [departures], []);
  const [consumer] = started as [ConsumerOptions];
  const pauses: number[] = [];
  const fetch = (fetchedOffset: number) =>
    consumer.onBatch({
      ...at,
      fetchedOffset,
      messages: [],
      lastOffset: fetchedOffset - 1,
      endOffset: kept.end,
      heartbeat: () => Promise.resolve(),
      pause: (ms) => pauses.push(ms),
      isOwned: () => true,
    });
  return { consumer, fetch, pauses, logged, metrics };
}

test('a source without an ingest position is STREAM_NOT_APPLIED', async () => {
  const { consumer } = await startMember(null, { earliest: 0, end: 0 });
  await expect(consumer.positionOf(at)).rejects.toMatchObject({ code: 'STREAM_NOT_APPLIED' });
});

test.each([
  ['Kafka dropped events that the log lacks', 3, { earliest: 5, end: 9 }, 5],
  ['the topic was made anew', 30, { earliest: 0, end: 9 }, 9],
])(
  'where %s, the partition stands still, and the log says STREAM_GAP',
  async (_name, next, kept, fetched) => {
    const { fetch, pauses, logged, metrics } = await startMember(next, kept);
    expect(await fetch(fetched)).toBe(fetched);
    expect(pauses).toHaveLength(1);
    expect(logged).toHaveBeenCalledWith(
      { err: expect.objectContaining({ code: 'STREAM_GAP' }) as unknown },
      expect.any(String),
    );
    expect((await metrics.gaps.get()).values).toMatchObject([{ labels: { source: 'departures' }, value: 1 }]);
  },
);

test('a fetch beyond the position, of events that Kafka still has, is read again from the position', async () => {
  const { fetch, pauses, logged } = await startMember(3, { earliest: 2, end: 9 });
  expect(await fetch(5)).toBe(3);
  expect(pauses).toEqual([]);
  expect(logged).not.toHaveBeenCalled();
});

test('the counters of each source begin at 0, so that a first dead letter is an increase', async () => {
  const { metrics } = await startMember(0, { earliest: 0, end: 0 });
  const source = 'departures';
  const outcomes = ['stored', 'duplicate', 'dead_letter'];
  expect((await metrics.events.get()).values).toEqual(outcomes.map((outcome) => ({ labels: { source, outcome }, value: 0 })));
  for (const counter of [metrics.beyondWindows, metrics.gaps]) expect((await counter.get()).values).toEqual([{ labels: { source }, value: 0 }]);
});

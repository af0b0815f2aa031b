import { expect, test } from 'vitest';
import { createNames } from '../../../src/contracts/names.ts';
import type { ConsumerOptions, KafkaClient } from '../../../src/infra/kafka.ts';
import { createLogger } from '../../../src/infra/logger.ts';
import { Registry } from '../../../src/infra/metrics.ts';
import type { Postgres } from '../../../src/infra/postgres.ts';
import { startDecisionSink } from '../../../src/stream/decision-sink.ts';
import { createStreamMetrics } from '../../../src/stream/stream-metrics.ts';

/** What a sink that stands at `next` does with a batch of four messages from `fetched` on, where Kafka has all from `earliest` on. */
async function take(next: number, earliest: number, fetched: number) {
  const started: ConsumerOptions[] = [];
  const kafka = {
    topicOffsets: () => Promise.resolve([{ partition: 0, earliest, end: 1_000 }]),
    startConsumer: (options: ConsumerOptions) => {
      started.push(options);
      return Promise.resolve({ ended: Promise.resolve() });
    },
  } as unknown as KafkaClient;
  const moves: unknown[] = [];
  const tx = {
    query: (text: string, values: readonly unknown[]) => {
      if (text.startsWith('UPDATE')) moves.push(values[1]);
      return Promise.resolve([{ next: String(next) }]);
    },
  };
  const postgres = { transaction: (work: (db: typeof tx) => unknown) => work(tx) } as unknown as Postgres;
  const metrics = createStreamMetrics(new Registry());
  const names = createNames('t');
  await startDecisionSink({ kafka, postgres, names, logger: createLogger('test', 'silent'), metrics });
  const readOn = await (started[0] as ConsumerOptions).onBatch({
    topic: names.decisionTopic(),
    partition: 0,
    fetchedOffset: fetched,
    messages: [],
    lastOffset: fetched + 3,
    endOffset: fetched + 4,
    heartbeat: () => Promise.resolve(),
    pause: () => undefined,
    isOwned: () => true,
  });
  return { readOn, leftOut: (await metrics.decisionsLeftOut.get()).values[0]?.value, movedTo: moves[0] };
}

test.each([
  ['that follows', 10, 2, 10],
  ['that it has in part', 12, 2, 10],
])('a batch %s loses nothing', async (_name, next, earliest, fetched) => {
  expect(await take(next, earliest, fetched)).toEqual({ readOn: undefined, leftOut: 0, movedTo: 14 });
});

test.each([
  ['all that is missing', 3, 2, 3],
  ['some of what is missing', 3, 8, 8],
])('where Kafka still has %s before a batch, it is read from there, and nothing is counted', async (_name, next, earliest, from) => {
  expect(await take(next, earliest, 10)).toEqual({ readOn: from, leftOut: 0, movedTo: undefined });
});

test.each([
  ['nothing before a batch', 10],
  ['not even the batch any more', 12],
])('where Kafka has %s, each message that is lost is counted, and it goes on', async (_name, earliest) => {
  expect(await take(3, earliest, 10)).toEqual({ readOn: undefined, leftOut: 7, movedTo: 14 });
});

import { randomBytes } from 'node:crypto';
import { Kafka, logLevel, type IHeaders, type KafkaMessage } from 'kafkajs';

export interface TopicMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string | Buffer>>;
}

const LIMIT_MS = 60_000;

/**
 * All messages of some topics, read with a client of its own, outside of the pipeline's groups and code.
 * @throws Error where offsets are missing: the topics of sources keep everything
 */
export async function readTopics(
  brokers: readonly string[],
  topics: readonly string[],
): Promise<TopicMessage[]> {
  const kafka = new Kafka({ brokers: [...brokers], clientId: 'faults-reader', logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  const missing = new Map<string, number>();
  for (const topic of topics) {
    for (const { partition, high } of await admin.fetchTopicOffsets(topic)) {
      if (Number(high) > 0) missing.set(`${topic}/${partition}`, Number(high));
    }
  }
  await admin.disconnect();
  const found: TopicMessage[] = [];
  if (missing.size === 0) return found;
  const consumer = kafka.consumer({
    groupId: `faults-reader-${randomBytes(6).toString('hex')}`,
    maxWaitTimeInMs: 100,
    maxBytesPerPartition: 4 * 1_048_576,
  });
  await consumer.connect();
  await consumer.subscribe({ topics: [...topics], fromBeginning: true });
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      timer = setTimeout(
        () =>
          reject(new Error(`topics were not read within ${LIMIT_MS} ms: ${[...missing.keys()].join(', ')}`)),
        LIMIT_MS,
      );
      const take = (topic: string, partition: number, messages: readonly KafkaMessage[]): void => {
        for (const { offset, key, value, headers } of messages) {
          const place = { topic, partition, offset: Number(offset) };
          found.push({ ...place, key: key?.toString() ?? '', value, headers: oneOfEach(headers) });
          const end = missing.get(`${topic}/${partition}`);
          if (end !== undefined && Number(offset) + 1 >= end) missing.delete(`${topic}/${partition}`);
        }
        if (missing.size === 0) resolve();
      };
      consumer
        .run({
          autoCommit: false,
          eachBatch: async ({ batch, heartbeat }) => {
            take(batch.topic, batch.partition, batch.messages);
            await heartbeat();
          },
        })
        .catch(reject);
    });
  } finally {
    clearTimeout(timer);
    await consumer.disconnect();
  }
  return inOrder(found);
}

/** The suite sends each header once. */
const oneOfEach = (headers: IHeaders | undefined): Record<string, string | Buffer> =>
  Object.fromEntries(
    Object.entries(headers ?? {}).flatMap(([name, value]) =>
      value === undefined || Array.isArray(value) ? [] : [[name, value]],
    ),
  );

/** By coordinates, each once; a redelivery to this reader is no copy in the topic. */
function inOrder(messages: readonly TopicMessage[]): TopicMessage[] {
  const byPlace = new Map(messages.map((m) => [`${m.topic}/${m.partition}/${m.offset}`, m]));
  const sorted = [...byPlace.values()].sort(
    (a, b) =>
      (a.topic < b.topic ? -1 : a.topic > b.topic ? 1 : 0) ||
      a.partition - b.partition ||
      a.offset - b.offset,
  );
  sorted.forEach((message, i) => {
    const before = sorted[i - 1];
    const isFirst = before?.topic !== message.topic || before.partition !== message.partition;
    const expected = isFirst ? 0 : before.offset + 1;
    if (message.offset !== expected) {
      throw new Error(
        `${message.topic}/${message.partition}: expected offset ${expected}, found ${message.offset}`,
      );
    }
  });
  return sorted;
}

import { Partitioners, type Kafka } from 'kafkajs';
import { cutRequests } from './cut-requests.ts';
import { translateKafkaError } from './kafka-error.ts';
import type { OutgoingMessage } from './outgoing-message.ts';

export type { OutgoingMessage };

/** Offsets given to messages of one partition: `baseOffset` to `baseOffset + count - 1`. A long send has several, in order. */
export interface Acknowledgement {
  readonly topic: string;
  readonly partition: number;
  readonly baseOffset: number;
  readonly count: number;
}

export interface EventProducer {
  /**
   * Resolves when all in-sync replicas have all messages (acks=all). Messages of a partition keep
   * their order within a call and over calls that are awaited one after another; a failure may
   * have written some of them, and a retry may write some twice.
   */
  send(messages: readonly OutgoingMessage[]): Promise<Acknowledgement[]>;
  close(): Promise<void>;
}

const ACKS_ALL = -1;

/** A message as the driver takes it. */
interface KafkaRecord {
  readonly partition: number;
  readonly key: string | Buffer | null;
  readonly value: string | Buffer | null;
  headers?: Readonly<Record<string, string | Buffer>>;
}

interface TopicRecords {
  readonly records: KafkaRecord[];
  /** By partition. */
  readonly counts: Map<number, number>;
}

export async function createEventProducer(kafka: Kafka, onTimeout: () => void): Promise<EventProducer> {
  // One request in flight: with more, a retried request could overtake a later one.
  const producer = kafka.producer({
    allowAutoTopicCreation: false,
    maxInFlightRequests: 1,
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  producer.on('producer.network.request_timeout', onTimeout);
  await producer.connect().catch((error: unknown) => {
    throw translateKafkaError(error, 'connecting a producer');
  });
  const sendRequest = async (messages: readonly OutgoingMessage[]): Promise<Acknowledgement[]> => {
    const byTopic = new Map<string, TopicRecords>();
    for (const { topic, partition, key, value, headers } of messages) {
      let own = byTopic.get(topic);
      if (own === undefined) byTopic.set(topic, (own = { records: [], counts: new Map() }));
      const record: KafkaRecord = { partition, key: key ?? null, value };
      if (headers !== undefined) record.headers = headers;
      own.records.push(record);
      own.counts.set(partition, (own.counts.get(partition) ?? 0) + 1);
    }
    try {
      const sent = await producer.sendBatch({
        acks: ACKS_ALL,
        topicMessages: Array.from(byTopic, ([topic, { records }]) => ({ topic, messages: records })),
      });
      return sent.map(({ topicName: topic, partition, baseOffset }) => ({
        topic,
        partition,
        baseOffset: Number(baseOffset),
        count: byTopic.get(topic)?.counts.get(partition) ?? 0,
      }));
    } catch (error) {
      throw translateKafkaError(error, `sending ${messages.length} messages to ${[...byTopic.keys()].join(', ')}`);
    }
  };
  return {
    async send(messages) {
      const acknowledged: Acknowledgement[] = [];
      for (const request of cutRequests(messages)) acknowledged.push(...(await sendRequest(request)));
      return acknowledged;
    },
    close: () => producer.disconnect(),
  };
}

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
    const byTopic = new Map<string, { partition: number; key: string | Buffer | null; value: Buffer | string | null; headers?: Record<string, string | Buffer> }[]>();
    const counts = new Map<string, number>();
    for (const { topic, partition, key, value, headers } of messages) {
      let list = byTopic.get(topic);
      if (list === undefined) byTopic.set(topic, (list = []));
      list.push({ partition, key: key ?? null, value, ...(headers === undefined ? {} : { headers }) });
      const slot = `${topic}/${partition}`;
      counts.set(slot, (counts.get(slot) ?? 0) + 1);
    }
    try {
      const sent = await producer.sendBatch({
        acks: ACKS_ALL,
        topicMessages: [...byTopic].map(([topic, list]) => ({ topic, messages: list })),
      });
      return sent.map((record) => ({
        topic: record.topicName,
        partition: record.partition,
        baseOffset: Number(record.baseOffset),
        count: counts.get(`${record.topicName}/${record.partition}`) ?? 0,
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

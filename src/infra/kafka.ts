import { Kafka, logLevel, type Admin, type LogEntry, type SASLOptions } from 'kafkajs';
import { startConsumer, type ConsumerOptions, type RunningConsumer } from './kafka-consumer.ts';
import { translateKafkaError } from './kafka-error.ts';
import { createEventProducer, type EventProducer } from './kafka-producer.ts';
import { createKafkaSockets } from './kafka-sockets.ts';
import type { Logger } from './logger.ts';
import type { KafkaSecurity } from './server-security.ts';

export interface KafkaServers {
  readonly brokers: readonly string[];
  /** Absent: plain text, and nobody asks who we are. */
  readonly security?: KafkaSecurity;
}

export interface TopicSpec {
  readonly topic: string;
  readonly partitions: number;
  readonly config?: Readonly<Record<string, string>>;
}

export interface PartitionOffsets {
  readonly partition: number;
  /** Offset of the oldest message that is still there. */
  readonly earliest: number;
  /** Offset that the next message will get. */
  readonly end: number;
}

/** The port to Kafka: all that Millrace needs of a client. */
export interface KafkaClient {
  /** Creates what is missing and waits until it can be written; answers the names that it created. */
  ensureTopics(topics: readonly TopicSpec[]): Promise<string[]>;
  /** Partition count of each existing topic of those asked for. */
  topicPartitions(topics: readonly string[]): Promise<Map<string, number>>;
  /** In the order of partitions. */
  topicOffsets(topic: string): Promise<PartitionOffsets[]>;
  deleteTopics(topics: readonly string[]): Promise<void>;
  createProducer(): Promise<EventProducer>;
  startConsumer(options: ConsumerOptions): Promise<RunningConsumer>;
  close(): Promise<void>;
}

export type { ConsumerOptions, EventProducer, RunningConsumer };

const REQUEST_TIMEOUT_MS = 10_000;
const CONNECT_TIMEOUT_MS = 3_000;
const RETRIES = 5;
/** How long a new topic may take until all its partitions have a leader. */
const TOPIC_WAIT_MS_MAX = 30_000;
const TOPIC_POLL_MS = 50;

export function createKafka(options: KafkaServers & { clientId: string; logger: Logger }): KafkaClient {
  const { tls, sasl } = options.security ?? {};
  const sockets = createKafkaSockets();
  const onTimeout = (): void => sockets.breakSilent(REQUEST_TIMEOUT_MS);
  const kafka = new Kafka({
    socketFactory: sockets.factory,
    brokers: [...options.brokers],
    clientId: options.clientId,
    ...(tls === undefined ? {} : { ssl: { ...tls } }),
    ...(sasl === undefined ? {} : { sasl: { ...sasl } as SASLOptions }),
    connectionTimeout: CONNECT_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    enforceRequestTimeout: true,
    retry: { retries: RETRIES, initialRetryTime: 100, maxRetryTime: 2_000 },
    logLevel: logLevel.WARN,
    logCreator: () => (entry) => forwardLog(options.logger, entry),
  });
  const admin = kafka.admin();
  admin.on('admin.network.request_timeout', onTimeout);
  let connected: Promise<void> | undefined;
  const connect = async (): Promise<void> => {
    connected ??= admin.connect().catch((error: unknown) => {
      connected = undefined;
      throw translateKafkaError(error, 'connecting');
    });
    await connected;
  };

  return {
    async ensureTopics(topics) {
      await connect();
      return createMissingTopics(admin, topics);
    },
    async topicPartitions(topics) {
      await connect();
      return partitionsOf(admin, topics);
    },
    async topicOffsets(topic) {
      await connect();
      try {
        const found = await admin.fetchTopicOffsets(topic);
        return found
          .map((o) => ({ partition: o.partition, earliest: Number(o.low), end: Number(o.high) }))
          .sort((a, b) => a.partition - b.partition);
      } catch (error) {
        throw translateKafkaError(error, `asking for the offsets of topic '${topic}'`);
      }
    },
    async deleteTopics(topics) {
      await connect();
      await admin.deleteTopics({ topics: [...topics] });
    },
    createProducer: () => createEventProducer(kafka, onTimeout),
    startConsumer: (consumer) => startConsumer(kafka, consumer, options.logger, onTimeout),
    async close() {
      if (connected !== undefined) await admin.disconnect();
    },
  };
}

async function createMissingTopics(admin: Admin, topics: readonly TopicSpec[]): Promise<string[]> {
  const present = await partitionsOf(
    admin,
    topics.map((spec) => spec.topic),
  );
  const missing = topics.filter((spec) => !present.has(spec.topic));
  if (missing.length === 0) return [];
  try {
    // kafkajs' own wait for leaders fails where the broker's metadata is a moment behind.
    await admin.createTopics({
      waitForLeaders: false,
      topics: missing.map((spec) => ({
        topic: spec.topic,
        numPartitions: spec.partitions,
        configEntries: Object.entries(spec.config ?? {}).map(([name, value]) => ({ name, value })),
      })),
    });
    await awaitTopics(admin, missing);
  } catch (error) {
    throw translateKafkaError(error, `creating topics ${missing.map((spec) => spec.topic).join(', ')}`);
  }
  return missing.map((spec) => spec.topic);
}

async function partitionsOf(admin: Admin, topics: readonly string[]): Promise<Map<string, number>> {
  const existing = new Set(await admin.listTopics());
  const wanted = topics.filter((topic) => existing.has(topic));
  if (wanted.length === 0) return new Map();
  const { topics: found } = await admin.fetchTopicMetadata({ topics: wanted });
  return new Map(found.map((topic) => [topic.name, topic.partitions.length]));
}

/** Resolves once every partition of new topics has a leader that answers. */
async function awaitTopics(admin: Admin, topics: readonly TopicSpec[]): Promise<void> {
  const giveUpAt = performance.now() + TOPIC_WAIT_MS_MAX;
  for (;;) {
    try {
      for (const { topic } of topics) await admin.fetchTopicOffsets(topic);
      return;
    } catch (error) {
      if (performance.now() > giveUpAt) throw error;
      await new Promise((resolve) => setTimeout(resolve, TOPIC_POLL_MS));
    }
  }
}

function forwardLog(logger: Logger, entry: LogEntry): void {
  const { message, timestamp: _timestamp, logger: _name, ...facts } = entry.log;
  if (entry.level === logLevel.ERROR) logger.error(facts, message);
  else logger.warn(facts, message);
}

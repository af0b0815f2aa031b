import type { Batch, Consumer, EachBatchPayload, Kafka, KafkaMessage } from 'kafkajs';
import { setTimeout as delay } from 'node:timers/promises';
import { isMillraceError, messageOf } from '../core/millrace-error.ts';
import { InvariantViolation } from '../core/assert-invariant.ts';
import { translateKafkaError } from './kafka-error.ts';
import type { Logger } from './logger.ts';

export interface IncomingMessage {
  readonly offset: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** Append or create time of the broker, ms since the epoch. */
  readonly timestamp: number;
  readonly headers: Readonly<Record<string, Buffer | string | (Buffer | string)[] | undefined>>;
}

export interface PartitionBatch {
  readonly topic: string;
  readonly partition: number;
  /** Offset that the fetch asked for: beyond the handler's own position plus one, something is missing. */
  readonly fetchedOffset: number;
  readonly messages: readonly IncomingMessage[];
  readonly lastOffset: number;
  /** Offset that the partition's next message will get. */
  readonly endOffset: number;
  heartbeat(): Promise<void>;
  /** Stops fetching this partition for so long; the others go on. */
  pause(ms: number): void;
  /** False once the partition was taken away or the consumer is stopping: give up quietly. */
  isOwned(): boolean;
}

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface ConsumerOptions {
  readonly groupId: string;
  readonly topics: readonly string[];
  /** Position of a partition in its own sink: the offset to read on from; null: the group's hint. */
  readonly positionOf: (partition: TopicPartition) => Promise<number | null>;
  /**
   * Handles one batch; what it returns is where to read on: undefined after the batch, or an offset to
   * seek to. A retryable error is retried with back-off while the partition is owned; any other ends
   * the consumer.
   */
  readonly onBatch: (batch: PartitionBatch) => Promise<number | undefined>;
  /** Called with all partitions of this member after each rebalance, before their batches where possible. */
  readonly onAssigned?: (partitions: readonly TopicPartition[]) => void;
  readonly concurrency?: number;
  readonly sessionTimeoutMs?: number;
  readonly bytesPerPartitionMax?: number;
}

export interface RunningConsumer {
  /** Resolves after `stop`, rejects when the consumer ended by itself. */
  readonly ended: Promise<void>;
  /** Reads on at another offset of a partition that this member owns. */
  seek(partition: TopicPartition, offset: number): void;
  stop(): Promise<void>;
}

/** kafkajs waits up to this long in a fetch; a stop, a seek and a rebalance wait for it. */
const FETCH_WAIT_MS = 100;
const SESSION_TIMEOUT_MS_DEFAULT = 10_000;
const HEARTBEATS_PER_SESSION = 5;
const BYTES_PER_PARTITION_DEFAULT = 1_048_576;
const BACKOFF_MS_MIN = 100;
const BACKOFF_MS_MAX = 5_000;

export async function startConsumer(
  kafka: Kafka,
  options: ConsumerOptions,
  logger: Logger,
  onTimeout: () => void,
): Promise<RunningConsumer> {
  const sessionTimeout = options.sessionTimeoutMs ?? SESSION_TIMEOUT_MS_DEFAULT;
  const consumer = kafka.consumer({
    groupId: options.groupId,
    sessionTimeout,
    heartbeatInterval: Math.floor(sessionTimeout / HEARTBEATS_PER_SESSION),
    maxWaitTimeInMs: FETCH_WAIT_MS,
    minBytes: 1,
    maxBytesPerPartition: options.bytesPerPartitionMax ?? BYTES_PER_PARTITION_DEFAULT,
    allowAutoTopicCreation: false,
    retry: { retries: 10, initialRetryTime: 100, maxRetryTime: 2_000 },
  });
  let stopping = false;
  let finish: (error?: Error) => void = () => undefined;
  const ended = new Promise<void>((resolve, reject) => {
    finish = (error) => (error === undefined ? resolve() : reject(error));
  });
  // Whoever never awaits `ended` must not bring the process down with an unhandled rejection.
  ended.catch(() => undefined);

  consumer.on('consumer.network.request_timeout', onTimeout);
  consumer.on('consumer.crash', ({ payload }) => {
    logger.error({ err: payload.error, restart: payload.restart, groupId: options.groupId }, 'Kafka consumer crashed');
    if (!payload.restart) finish(translateKafkaError(payload.error, `consuming as '${options.groupId}'`));
  });
  consumer.on('consumer.group_join', ({ payload }) => {
    const partitions = Object.entries(payload.memberAssignment).flatMap(([topic, list]) =>
      list.map((partition) => ({ topic, partition })),
    );
    options.onAssigned?.(partitions);
    void seekToPositions(consumer, options, partitions, logger);
  });

  try {
    await consumer.connect();
    await consumer.subscribe({ topics: [...options.topics], fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: options.concurrency ?? 1,
      eachBatch: async (payload) => {
        try {
          await handleBatch(consumer, options, payload, logger, () => stopping);
        } catch (error) {
          if (isRebalance(error)) throw error;
          stopping = true;
          // A handler's own errors say what they are; a broken invariant must not read as a broker that is away.
          finish(error instanceof Error ? error : new Error(messageOf(error)));
        }
      },
    });
  } catch (error) {
    throw translateKafkaError(error, `starting the consumer '${options.groupId}'`);
  }
  return {
    ended,
    seek: ({ topic, partition }, offset) => consumer.seek({ topic, partition, offset: String(offset) }),
    async stop() {
      stopping = true;
      await consumer.disconnect().catch((error: unknown) => logger.warn({ err: error }, 'Kafka consumer stopped uncleanly'));
      finish();
    },
  };
}

/** The group's committed offset is only a hint: reading starts where the sink says. */
async function seekToPositions(
  consumer: Consumer,
  options: ConsumerOptions,
  partitions: readonly TopicPartition[],
  logger: Logger,
): Promise<void> {
  for (const owned of partitions) {
    try {
      const position = await options.positionOf(owned);
      if (position !== null) consumer.seek({ ...owned, offset: String(position) });
    } catch (error) {
      // The handler compares each batch with its position too, so a missed seek only costs time.
      logger.warn({ err: error, ...owned }, 'position unknown at assignment');
    }
  }
}

async function handleBatch(
  consumer: Consumer,
  options: ConsumerOptions,
  payload: EachBatchPayload,
  logger: Logger,
  isStopping: () => boolean,
): Promise<void> {
  const { topic, partition } = payload.batch;
  const isOwned = (): boolean => !isStopping() && payload.isRunning() && !payload.isStale();
  if (!isOwned()) return;
  // A broker that is away fails heartbeats too: the library connects again by itself, and what was done stays done.
  const heartbeat = async (): Promise<void> => {
    try {
      await payload.heartbeat();
    } catch (error) {
      if (isRebalance(error)) throw error;
      logger.warn({ err: error, topic, partition }, 'heartbeat failed');
    }
  };
  const batch = toPartitionBatch(payload, heartbeat, isOwned);
  for (let backoffMs = BACKOFF_MS_MIN; ; backoffMs = Math.min(backoffMs * 2, BACKOFF_MS_MAX)) {
    try {
      const seekTo = await options.onBatch(batch);
      if (!isOwned()) return;
      if (seekTo === undefined) {
        payload.resolveOffset(payload.batch.lastOffset());
        await heartbeat();
      } else {
        consumer.seek({ topic, partition, offset: String(seekTo) });
      }
      return;
    } catch (error) {
      if (isRebalance(error)) throw error;
      if (error instanceof InvariantViolation || (isMillraceError(error) && !error.retryable)) throw error;
      logger.warn({ err: error, topic, partition, backoffMs }, 'batch failed, will be tried again');
      await delay(backoffMs);
      if (!isOwned()) return;
      await heartbeat();
    }
  }
}

/** kafkajs throws these out of `heartbeat()` and expects them back to rejoin the group. */
function isRebalance(error: unknown): boolean {
  return error instanceof Error && 'type' in error && (error.type === 'REBALANCE_IN_PROGRESS' || error.type === 'UNKNOWN_MEMBER_ID' || error.type === 'ILLEGAL_GENERATION' || error.type === 'FENCED_INSTANCE_ID');
}

const NO_HEADERS: IncomingMessage['headers'] = {};

/** The library's message, whose numbers are texts: few who read a batch ask for all of them. */
class ReceivedMessage implements IncomingMessage {
  readonly #message: KafkaMessage;

  constructor(message: KafkaMessage) {
    this.#message = message;
  }

  get offset(): number {
    return Number(this.#message.offset);
  }

  get key(): Buffer | null {
    return this.#message.key;
  }

  get value(): Buffer | null {
    return this.#message.value;
  }

  get timestamp(): number {
    return Number(this.#message.timestamp);
  }

  get headers(): IncomingMessage['headers'] {
    return this.#message.headers ?? NO_HEADERS;
  }
}

function toPartitionBatch(
  payload: EachBatchPayload,
  heartbeat: () => Promise<void>,
  isOwned: () => boolean,
): PartitionBatch {
  // There at run time, missing in the library's types.
  const batch = payload.batch as Batch & { readonly fetchedOffset?: string };
  return {
    topic: batch.topic,
    partition: batch.partition,
    fetchedOffset: Number(batch.fetchedOffset ?? batch.messages[0]?.offset ?? batch.lastOffset()),
    lastOffset: Number(batch.lastOffset()),
    endOffset: Number(batch.highWatermark),
    messages: batch.messages.map((message) => new ReceivedMessage(message)),
    heartbeat,
    pause: (ms) => {
      const resume = payload.pause();
      setTimeout(resume, ms).unref();
    },
    isOwned,
  };
}

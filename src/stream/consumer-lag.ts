import type { ConsumerOptions, KafkaClient, RunningConsumer } from '../infra/kafka.ts';
import type { PartitionBatch, TopicPartition } from '../infra/kafka-consumer.ts';
import type { Logger } from '../infra/logger.ts';
import { slotOf } from './partition-rebuilds.ts';
import type { StreamMetrics } from './stream-metrics.ts';

export interface MeasuredConsumerDeps {
  readonly kafka: Pick<KafkaClient, 'startConsumer' | 'topicOffsets'>;
  readonly metrics: Pick<StreamMetrics, 'lag'>;
  readonly logger: Logger;
}

/** How often it is looked whether some partitions have been silent. */
const LOOK_MS = 1_000;
/** How long no batch tells anything of a partition until Kafka is asked, and so how often at most, for each topic. */
const SILENCE_MS = 10_000;

/** Starts a consumer whose lag the metrics show while it runs: of the partitions that it has, and of no others. */
export async function startMeasuredConsumer(deps: MeasuredConsumerDeps, options: ConsumerOptions): Promise<RunningConsumer> {
  const lag = new ConsumerLag(deps.kafka, deps.metrics.lag);
  const consumer = await deps.kafka.startConsumer({
    ...options,
    positionOf: async (of) => {
      const next = await options.positionOf(of);
      if (next !== null) lag.startsAt(of, next);
      return next;
    },
    onAssigned: (partitions) => {
      lag.assign(partitions);
      options.onAssigned?.(partitions);
    },
    onBatch: async (batch) => {
      lag.takes(batch);
      const seekTo = await options.onBatch(batch);
      lag.hasDone(batch, seekTo);
      return seekTo;
    },
  });
  const looks = setInterval(() => {
    lag.look().catch((error: unknown) => deps.logger.warn({ err: error }, 'lag could not be read'));
  }, LOOK_MS);
  const ended = consumer.ended.finally(() => {
    clearInterval(looks);
    lag.assign([]);
  });
  ended.catch(() => undefined);
  return { ...consumer, ended };
}

/** What batches told of a partition. */
interface Heard {
  readonly of: TopicPartition;
  /** Offset to read on from. */
  readonly next: number;
  /** Offset after the partition's last message, by the batch that told it; NaN before the first. */
  readonly end: number;
  /** Of the last news, from a batch or from Kafka: `performance.now()`. */
  newsAt: number;
}

/**
 * Lag of the partitions that one consumer has. Batches tell it before they are handled, since one that fails is tried
 * again for as long as its sink is away. Meanwhile Kafka's client fetches nothing more from that broker, of other partitions
 * neither: Kafka itself is asked then.
 */
class ConsumerLag {
  readonly #kafka: Pick<KafkaClient, 'topicOffsets'>;
  readonly #gauge: StreamMetrics['lag'];
  readonly #heard = new Map<string, Heard>();
  #assigned: ReadonlySet<string> = new Set();
  #isLooking = false;

  constructor(kafka: Pick<KafkaClient, 'topicOffsets'>, gauge: StreamMetrics['lag']) {
    this.#kafka = kafka;
    this.#gauge = gauge;
  }

  /** Whoever has the other partitions now shows theirs: with a value here too they would count twice. */
  assign(partitions: readonly TopicPartition[]): void {
    this.#assigned = new Set(partitions.map(slotOf));
    for (const [slot, { of }] of this.#heard) {
      if (this.#assigned.has(slot)) continue;
      this.#heard.delete(slot);
      this.#gauge.remove({ topic: of.topic, partition: of.partition });
    }
  }

  /** A partition that gets no batch, since others hold up the consumer, is measured from here. */
  startsAt(of: TopicPartition, next: number): void {
    const slot = slotOf(of);
    if (this.#heard.has(slot) || !this.#assigned.has(slot)) return;
    this.#heard.set(slot, { of, next, end: NaN, newsAt: -Infinity });
  }

  /** A fetch may begin before the position that is known, where the client was not told of it yet. */
  takes(batch: PartitionBatch): void {
    const known = this.#heard.get(slotOf(batch))?.next ?? batch.fetchedOffset;
    this.#note(batch, Math.max(known, batch.fetchedOffset));
  }

  hasDone(batch: PartitionBatch, seekTo: number | undefined): void {
    if (batch.isOwned()) this.#note(batch, seekTo ?? batch.lastOffset + 1);
  }

  /**
   * Asks Kafka for the topics of partitions that have been silent.
   * @throws MillraceError STREAM_UNAVAILABLE: the topics behind it come with the next look
   */
  async look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const topics = new Set(this.#silent().map(({ of }) => of.topic));
      for (const topic of topics) await this.#lookAt(topic);
    } finally {
      this.#isLooking = false;
    }
  }

  #silent(): Heard[] {
    const now = performance.now();
    return [...this.#heard.values()].filter(({ newsAt }) => now - newsAt >= SILENCE_MS);
  }

  async #lookAt(topic: string): Promise<void> {
    const silent = this.#silent().filter(({ of }) => of.topic === topic);
    for (const heard of silent) heard.newsAt = performance.now();
    const offsets = await this.#kafka.topicOffsets(topic);
    for (const heard of silent) {
      const kept = offsets.find(({ partition }) => partition === heard.of.partition);
      const hasNews = this.#heard.get(slotOf(heard.of)) !== heard;
      if (kept === undefined || hasNews) continue;
      this.#show(heard.of, kept.end - Math.max(heard.next, kept.earliest));
    }
  }

  #note({ topic, partition, endOffset: end }: PartitionBatch, next: number): void {
    const of = { topic, partition };
    const slot = slotOf(of);
    if (!this.#assigned.has(slot)) return;
    const before = this.#heard.get(slot);
    // A batch that is tried again: what Kafka said in between is newer.
    if (before?.next === next && before.end === end) return;
    this.#heard.set(slot, { of, next, end, newsAt: performance.now() });
    this.#show(of, end - next);
  }

  #show({ topic, partition }: TopicPartition, messages: number): void {
    this.#gauge.set({ topic, partition }, Math.max(0, messages));
  }
}

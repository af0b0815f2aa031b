import type { PartitionOffsets, KafkaClient } from '../infra/kafka.ts';
import type { TopicPartition } from '../infra/kafka-consumer.ts';
import type { ViewPosition } from '../store/view-position.ts';
import type { ViewPartitionFold } from './view-partition-fold.ts';

/** A view partition that nothing is happening to, and where it stands. */
export interface RestingFold {
  readonly of: TopicPartition;
  readonly fold: ViewPartitionFold;
  readonly position: ViewPosition;
  /** Of the fold: the same one later says that nothing was written in between. */
  readonly epoch: number;
}

export interface Stall extends RestingFold {
  /** Offset of the next frame that Kafka still has. */
  readonly earliest: number;
  /** Looks in a row that found it standing. */
  readonly looks: number;
}

/**
 * Finds partitions that do not move although Kafka has frames for them. A driver may lose a seek, to a batch that ends in
 * the same moment or to a rebalance, or hang: only a new frame would show it, and at rest none comes.
 */
export class StallWatch {
  readonly #kafka: Pick<KafkaClient, 'topicOffsets'>;
  /** Epoch and looks of each partition at the last look. */
  #before: ReadonlyMap<ViewPartitionFold, { readonly epoch: number; readonly looks: number }> = new Map();

  constructor(kafka: Pick<KafkaClient, 'topicOffsets'>) {
    this.#kafka = kafka;
  }

  /**
   * Those of the partitions that were at rest at the last look too, have not moved since, and have frames in Kafka.
   * @throws MillraceError STREAM_UNAVAILABLE: nothing is known then, and the last look stays the last
   */
  async look(resting: readonly RestingFold[]): Promise<Stall[]> {
    const looks = new Map<ViewPartitionFold, { epoch: number; looks: number }>();
    const offsets = new Map<string, readonly PartitionOffsets[]>();
    const stalls: Stall[] = [];
    for (const at of resting) {
      const before = this.#before.get(at.fold);
      const found = { epoch: at.epoch, looks: 0 };
      looks.set(at.fold, found);
      if (before?.epoch !== at.epoch) continue;
      const known = offsets.get(at.of.topic) ?? (await this.#kafka.topicOffsets(at.of.topic));
      offsets.set(at.of.topic, known);
      const kept = known.find(({ partition }) => partition === at.of.partition);
      if (kept === undefined || at.position.viewOffset + 1 >= kept.end) continue;
      found.looks = before.looks + 1;
      stalls.push({ ...at, earliest: kept.earliest, looks: found.looks });
    }
    this.#before = looks;
    return stalls;
  }
}

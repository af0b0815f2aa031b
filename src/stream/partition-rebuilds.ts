import type { Logger } from '../infra/logger.ts';
import type { TopicPartition } from '../infra/kafka-consumer.ts';
import { materializePartitions, type MaterializeDeps } from '../store/materialize.ts';
import type { StreamMetrics } from './stream-metrics.ts';
import type { ViewPartitionFold } from './view-partition-fold.ts';

export interface PartitionRebuildsDeps extends MaterializeDeps {
  readonly logger: Logger;
  readonly metrics: StreamMetrics;
}

/** Rebuilds of one member at a time: each streams a whole offline log. */
const REBUILDS_MAX = 2;
/** What is lost with Redis is lost of all partitions at once: those of one view that are wanted within this time share a pass over the log. */
const GATHER_MS = 50;

interface Slot {
  readonly of: TopicPartition;
  readonly fold: ViewPartitionFold;
}

/** View partitions of one member that are to be rebuilt from the offline log, and the rebuilds at work. */
export class PartitionRebuilds {
  readonly #deps: PartitionRebuildsDeps;
  readonly #signal: AbortSignal;
  /** Asked for and not done: it waits for its turn, runs, or failed. */
  readonly #wanted = new Map<string, Slot>();
  readonly #running = new Set<string>();
  #passes = 0;
  #gathering = false;

  constructor(deps: PartitionRebuildsDeps, signal: AbortSignal) {
    this.#deps = deps;
    this.#signal = signal;
  }

  isRunning(of: TopicPartition): boolean {
    return this.#running.has(slotOf(of));
  }

  isWanted(of: TopicPartition): boolean {
    return this.#wanted.has(slotOf(of));
  }

  /** Another member may have the partitions now; what runs goes on, under its leases. */
  forget(): void {
    this.#wanted.clear();
  }

  /** Begins soon, or when its turn comes and it is asked for again. */
  want(of: TopicPartition, fold: ViewPartitionFold): void {
    if (this.isRunning(of)) return;
    this.#wanted.set(slotOf(of), { of, fold });
    if (this.#gathering) return;
    this.#gathering = true;
    setTimeout(() => {
      this.#gathering = false;
      this.#begin();
    }, GATHER_MS);
  }

  #begin(): void {
    const byTopic = new Map<string, Slot[]>();
    for (const slot of this.#wanted.values()) {
      if (this.isRunning(slot.of)) continue;
      byTopic.set(slot.of.topic, [...(byTopic.get(slot.of.topic) ?? []), slot]);
    }
    for (const slots of byTopic.values()) {
      if (this.#passes >= REBUILDS_MAX || this.#signal.aborted) return;
      void this.#rebuild(slots);
    }
  }

  async #rebuild(slots: readonly Slot[]): Promise<void> {
    const { logger, metrics } = this.#deps;
    const [{ of: { topic }, fold: { program } }] = slots as [Slot];
    const partitions = slots.map(({ of }) => of.partition);
    this.#passes++;
    for (const { of } of slots) this.#running.add(slotOf(of));
    logger.warn({ topic, partitions }, 'frames are missing: rebuilding from the offline log');
    const count = (outcome: string, n: number): void => metrics.rebuilds.inc({ view: program.name, outcome }, n);
    try {
      const done = await materializePartitions(this.#deps, program, partitions, { signal: this.#signal });
      // Another one has the busy ones: if it dies, its lease ends.
      for (const { of } of slots) this.#wanted.delete(slotOf(of));
      count('done', partitions.length - done.busy.length);
      count('failed', done.busy.length);
      logger.info({ topic, partitions, ...done }, 'rebuilt from the offline log');
    } catch (error) {
      count('failed', partitions.length);
      logger.warn({ err: error as Error, topic, partitions }, 'rebuild failed, will be tried again');
    } finally {
      this.#passes--;
      for (const { of, fold } of slots) {
        fold.reset();
        this.#running.delete(slotOf(of));
      }
    }
  }
}

/** A view partition's name within one process. */
export const slotOf = (of: TopicPartition): string => `${of.topic}/${of.partition}`;

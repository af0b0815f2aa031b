import type { Names } from '../contracts/names.ts';
import type { Clock } from '../core/clock.ts';
import { MillraceError } from '../core/millrace-error.ts';
import type { ViewProgram } from '../fold/compile-view.ts';
import type { KafkaClient, RunningConsumer } from '../infra/kafka.ts';
import type { PartitionBatch, TopicPartition } from '../infra/kafka-consumer.ts';
import type { Logger } from '../infra/logger.ts';
import type { Postgres } from '../infra/postgres.ts';
import { startMessageSpan } from '../infra/trace-messages.ts';
import { inSpan, type Tracer } from '../infra/tracing.ts';
import type { OnlineStore } from '../store/online-store.ts';
import { shareOfCache, type StateCacheLimits } from '../store/state-cache.ts';
import type { ViewPosition } from '../store/view-position.ts';
import type { Failpoints } from './failpoints.ts';
import { PartitionRebuilds, slotOf } from './partition-rebuilds.ts';
import { StallWatch, type RestingFold } from './stall-watch.ts';
import type { StreamMetrics } from './stream-metrics.ts';
import { ViewPartitionFold } from './view-partition-fold.ts';

export interface FoldConsumerDeps {
  readonly kafka: KafkaClient;
  readonly postgres: Postgres;
  readonly store: OnlineStore;
  readonly names: Names;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: StreamMetrics;
  readonly cacheLimits?: StateCacheLimits;
  readonly failpoints?: Failpoints;
  readonly sessionTimeoutMs?: number;
  readonly stallCheckMs?: number;
  readonly bytesPerPartitionMax?: number;
  /** Absent where tracing is off. */
  readonly tracer?: Tracer | undefined;
}

/** Header of a frame: append time of the oldest event in its batch, ms as text. */
export const APPEND_TIME_HEADER = 'millrace-append-time';

/** How long a partition stands while it is rebuilt, here or elsewhere, before it is looked at again. */
const REBUILD_POLL_MS = 100;
/** Frames that are known to follow a batch, from which on the fold counts as behind: the next batch is there at once. */
const BEHIND_FRAMES_MIN = 1_000;
/** Looks that find a partition standing, each followed by a seek, before the consumer is given up for one that hangs. */
const STALL_LOOKS_MAX = 12;

/** One member of the fold's group: what it does with frames, and what it looks after without any. */
export class FoldMember {
  readonly #deps: FoldConsumerDeps;
  readonly #programs: ReadonlyMap<string, ViewProgram>;
  readonly #folds = new Map<string, ViewPartitionFold>();
  readonly #rebuilds: PartitionRebuilds;
  readonly #stalls: StallWatch;
  readonly #cacheShare: StateCacheLimits;
  readonly #stopped = new AbortController();

  constructor(deps: FoldConsumerDeps, programs: readonly ViewProgram[]) {
    this.#deps = deps;
    this.#rebuilds = new PartitionRebuilds(deps, this.#stopped.signal);
    this.#stalls = new StallWatch(deps.kafka);
    this.#programs = new Map(programs.map((p) => [deps.names.viewTopic(p.name, p.version), p]));
    this.#cacheShare = shareOfCache(programs.reduce((sum, program) => sum + program.partitions, 0));
  }

  forget(): void {
    this.#folds.clear();
    this.#rebuilds.forget();
  }

  stop(): void {
    this.#stopped.abort();
  }

  async nextOffset(of: TopicPartition): Promise<number> {
    const { viewOffset } = await this.#fold(of).position();
    return viewOffset + 1;
  }

  async onBatch(batch: PartitionBatch): Promise<number | undefined> {
    const fold = this.#fold(batch);
    const position = await fold.position();
    const next = position.viewOffset + 1;
    if (this.#isBeingRebuilt(batch, position)) return this.#standStill(batch, fold);
    if (batch.fetchedOffset > next) {
      // Only a seek brings the frames in between, if Kafka still has them; otherwise the log does.
      if (next >= (await this.#earliest(batch))) return next;
      return this.#rebuild(batch, fold);
    }
    const fresh =
      batch.messages[0] !== undefined && batch.messages[0].offset < next
        ? batch.messages.filter((message) => message.offset >= next)
        : batch.messages;
    if (fresh.length === 0) return batch.endOffset < next ? this.#rebuild(batch, fold) : undefined;
    const { name, version } = fold.program;
    const attributes = { 'millrace.view': name, 'millrace.view.version': version, 'messaging.destination.partition.id': String(batch.partition) };
    const span = startMessageSpan(this.#deps.tracer, `fold ${name}`, fresh, { attributes });
    const isBehind = batch.endOffset - 1 - batch.lastOffset >= BEHIND_FRAMES_MIN;
    const appendTime = Number(String(fresh[0]?.headers[APPEND_TIME_HEADER]));
    const outcome = await inSpan(span, () => fold.fold(fresh, { isBehind, appendTime }));
    if (outcome === 'gap') return this.#rebuild(batch, fold);
    if (outcome === 'refused') return this.#afterRefusal(batch, fold);
    this.#deps.metrics.foldBatch.observe(fresh.length);
    return undefined;
  }

  /**
   * What nobody notices without new frames: states are held for frames that do not come; Redis was restored, flushed or
   * written by someone else; a rebuild died and left its lease; one that was wanted here failed or had to wait.
   */
  async checkPositions(consumer: RunningConsumer): Promise<void> {
    await Promise.all([...this.#folds.values()].map((fold) => fold.flush()));
    const resting = await this.#resting();
    const texts = await this.#deps.store.readPositionTexts(resting.map(({ fold }) => fold));
    for (const [i, { of, fold, text, position, epoch }] of resting.entries()) {
      if (!fold.isAt(epoch)) continue;
      if (texts[i] !== text) await this.#followRedis(of, fold, { expected: text, found: texts[i] }, consumer);
      else if (this.#hasDeadLease(position) || this.#rebuilds.isWanted(of)) this.#rebuilds.want(of, fold);
    }
  }

  /**
   * Reads on from where a fold stands, where frames do not come.
   * @throws MillraceError STREAM_CONSUMER_HANGS
   */
  async checkStalls(consumer: RunningConsumer): Promise<void> {
    for (const { of, fold, position, epoch, earliest, looks } of await this.#stalls.look(await this.#resting())) {
      if (!fold.isAt(epoch) || this.#isBeingRebuilt(of, position)) continue;
      if (looks > STALL_LOOKS_MAX) throw hangs(of, position);
      const next = position.viewOffset + 1;
      this.#deps.logger.warn({ ...of, next, looks }, 'frames do not come: reading on from the position');
      if (next < earliest) this.#rebuilds.want(of, fold);
      else consumer.seek(of, next);
    }
  }

  /** Partitions that nothing is happening to. */
  async #resting(): Promise<(RestingFold & { readonly text: string })[]> {
    const idle = [...this.#folds.values()].flatMap((fold) => {
      const { name, version } = fold.program;
      const of = { topic: this.#deps.names.viewTopic(name, version), partition: fold.partition };
      return this.#rebuilds.isRunning(of) ? [] : [{ of, fold }];
    });
    const found = await Promise.all(idle.map(async (each) => ({ ...each, at: await each.fold.resting() })));
    return found.flatMap(({ of, fold, at }) => (at === undefined ? [] : [{ of, fold, ...at }]));
  }

  async #followRedis(
    of: TopicPartition,
    fold: ViewPartitionFold,
    texts: { expected: string; found: string | undefined },
    consumer: RunningConsumer,
  ): Promise<void> {
    this.#deps.logger.warn({ ...of, ...texts }, 'Redis holds another position: folding on from there');
    fold.reset();
    const position = await fold.position();
    if (this.#isBeingRebuilt(of, position)) return;
    if (position.viewOffset + 1 < (await this.#earliest(of))) this.#rebuilds.want(of, fold);
    else consumer.seek(of, position.viewOffset + 1);
  }

  async #afterRefusal(batch: PartitionBatch, fold: ViewPartitionFold): Promise<number> {
    const position = await fold.position();
    this.#deps.logger.warn(
      { topic: batch.topic, partition: batch.partition, position },
      'states refused: Redis holds another position',
    );
    if (this.#isBeingRebuilt(batch, position)) return this.#standStill(batch, fold);
    return position.viewOffset + 1;
  }

  #isBeingRebuilt(of: TopicPartition, position: ViewPosition): boolean {
    return this.#rebuilds.isRunning(of) || position.rebuild !== undefined;
  }

  #hasDeadLease({ rebuild }: ViewPosition): boolean {
    return rebuild !== undefined && rebuild.until < this.#deps.clock();
  }

  /** Waits for a rebuild; one whose lease ended is begun again here. */
  #standStill(batch: PartitionBatch, fold: ViewPartitionFold): number {
    if (!this.#rebuilds.isRunning(batch)) {
      void fold.position().then(
        (position) => {
          if (this.#hasDeadLease(position)) this.#rebuilds.want(batch, fold);
          else fold.reset();
        },
        () => fold.reset(),
      );
    }
    batch.pause(REBUILD_POLL_MS);
    return batch.fetchedOffset;
  }

  #rebuild(batch: PartitionBatch, fold: ViewPartitionFold): number {
    this.#rebuilds.want(batch, fold);
    batch.pause(REBUILD_POLL_MS);
    return batch.fetchedOffset;
  }

  async #earliest(of: TopicPartition): Promise<number> {
    const offsets = await this.#deps.kafka.topicOffsets(of.topic);
    return offsets.find((o) => o.partition === of.partition)?.earliest ?? 0;
  }

  #fold(of: TopicPartition): ViewPartitionFold {
    const slot = slotOf(of);
    let fold = this.#folds.get(slot);
    if (fold === undefined) {
      const { metrics, clock } = this.#deps;
      const program = this.#programs.get(of.topic) as ViewProgram;
      fold = new ViewPartitionFold(program, of.partition, this.#deps.store, {
        cacheLimits: this.#deps.cacheLimits ?? this.#cacheShare,
        failpoints: this.#deps.failpoints ?? {},
        onVisible: (oldestAppendTime) => {
          if (oldestAppendTime > 0) metrics.freshness.observe({ view: program.name }, Math.max(0, clock() - oldestAppendTime) / 1_000);
        },
      });
      this.#folds.set(slot, fold);
    }
    return fold;
  }
}

const hangs = (of: TopicPartition, { viewOffset }: ViewPosition): MillraceError =>
  new MillraceError(
    'STREAM_CONSUMER_HANGS',
    `Topic '${of.topic}', partition ${of.partition}: Kafka has frames beyond offset ${viewOffset}, and none came after ${STALL_LOOKS_MAX} attempts to read on there. The consumer is started again.`,
    { details: { ...of, viewOffset } },
  );

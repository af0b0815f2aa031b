import type { Names } from '../contracts/names.ts';
import { MillraceError } from '../core/millrace-error.ts';
import type { Source } from '../define/source.ts';
import type { ViewProgram } from '../fold/compile-view.ts';
import type { KafkaClient, RunningConsumer } from '../infra/kafka.ts';
import type { PartitionBatch, TopicPartition } from '../infra/kafka-consumer.ts';
import type { OutgoingMessage } from '../infra/kafka-producer.ts';
import type { Logger } from '../infra/logger.ts';
import type { Postgres } from '../infra/postgres.ts';
import { startMessageSpan } from '../infra/trace-messages.ts';
import { inSpan, type Span, type Tracer } from '../infra/tracing.ts';
import { readAllIngestPositions, readIngestPosition } from '../store/ingest-positions.ts';
import { startMeasuredConsumer } from './consumer-lag.ts';
import type { Failpoints } from './failpoints.ts';
import { readRecentIds } from './find-duplicates.ts';
import { GroupCommit } from './group-commit.ts';
import { cutBatches, IngestSource, type PreparedBatch } from './ingest-source.ts';
import { LogWriter } from './log-writer.ts';
import type { RecentIds } from './recent-ids.ts';
import { beginCounting, type StreamMetrics } from './stream-metrics.ts';

export interface IngestDeps {
  readonly kafka: KafkaClient;
  readonly postgres: Postgres;
  readonly names: Names;
  readonly logger: Logger;
  readonly metrics: StreamMetrics;
  readonly failpoints?: Failpoints;
  readonly sessionTimeoutMs?: number;
  /** Absent where tracing is off. */
  readonly tracer?: Tracer | undefined;
}

/** All partitions of a fetch at once: they share requests to Kafka and transactions. */
const CONCURRENCY = 256;
/** Bytes of frames that are sent together. */
const SEND_BYTES_MAX = 16 * 1_048_576;
/** How often partitions at rest are compared with Postgres, whose crash takes back what had just been committed. */
const POSITION_CHECK_MS = 1_000;
/** How long a partition with a gap rests before it is looked at again. */
const GAP_PAUSE_MS = 10_000;
/** Event ids that one member remembers over all partitions; for others it asks the offline log. */
const RECENT_IDS_MAX = 500_000;

/** Starts one member of the ingest group over the topics of all sources. */
export async function startIngest(
  deps: IngestDeps,
  sources: readonly Source[],
  programs: readonly ViewProgram[],
): Promise<RunningConsumer> {
  const producer = await deps.kafka.createProducer();
  const outbox = new GroupCommit<readonly OutgoingMessage[], undefined>(
    async (groups) => {
      await producer.send(groups.flat());
      return groups.map(() => undefined);
    },
    (messages) => messages.reduce((bytes, message) => bytes + (message.value?.length ?? 0), 0),
    SEND_BYTES_MAX,
  );
  for (const { name } of sources) beginCounting(deps.metrics, name);
  const member = new IngestMember(deps, sources, programs, (messages) => outbox.add(messages));
  try {
    const consumer = await startMeasuredConsumer(deps, {
      groupId: deps.names.consumerGroup('ingest'),
      topics: sources.map((source) => deps.names.sourceTopic(source.name)),
      positionOf: (of) => member.nextOffset(of),
      onAssigned: () => member.forget(),
      onBatch: (batch) => member.onBatch(batch),
      concurrency: CONCURRENCY,
      ...(deps.sessionTimeoutMs === undefined ? {} : { sessionTimeoutMs: deps.sessionTimeoutMs }),
    });
    const closed = consumer.ended.finally(() => {
      clearInterval(checks);
      return producer.close();
    });
    closed.catch(() => undefined);
    const checks = setInterval(() => {
      member
        .checkPositions(consumer)
        .catch((error: unknown) => deps.logger.warn({ err: error }, 'positions could not be checked'));
    }, POSITION_CHECK_MS);
    return {
      ended: closed,
      seek: (of, offset) => consumer.seek(of, offset),
      async stop() {
        await consumer.stop();
        await closed.catch(() => undefined);
      },
    };
  } catch (error) {
    await producer.close();
    throw error;
  }
}

/** A source partition as its offline log has it. */
interface PartitionState {
  readonly of: TopicPartition;
  nextOffset: number;
  /** Read with the first batch. */
  recent: RecentIds | undefined;
}

class IngestMember {
  readonly #deps: IngestDeps;
  readonly #sources: ReadonlyMap<string, IngestSource>;
  readonly #send: (messages: readonly OutgoingMessage[]) => Promise<unknown>;
  readonly #log: LogWriter;
  /** What Postgres has, while this member is the only writer. */
  readonly #known = new Map<string, PartitionState>();
  /** Slots whose batch is being handled. */
  readonly #busy = new Set<string>();
  readonly #idsMax: number;

  constructor(
    deps: IngestDeps,
    sources: readonly Source[],
    programs: readonly ViewProgram[],
    send: (messages: readonly OutgoingMessage[]) => Promise<unknown>,
  ) {
    this.#deps = deps;
    this.#sources = new Map(
      sources.map((s) => [deps.names.sourceTopic(s.name), new IngestSource(s, programs, deps)]),
    );
    this.#send = send;
    this.#log = new LogWriter(deps.postgres);
    this.#idsMax = Math.ceil(RECENT_IDS_MAX / sources.reduce((sum, source) => sum + source.partitions, 0));
  }

  forget(): void {
    this.#known.clear();
  }

  async nextOffset(of: TopicPartition): Promise<number> {
    return (await this.#state(of)).nextOffset;
  }

  async onBatch(batch: PartitionBatch): Promise<number | undefined> {
    const slot = slotOf(batch);
    this.#busy.add(slot);
    try {
      return await this.#handle(batch);
    } finally {
      this.#busy.delete(slot);
    }
  }

  /** Without new events nobody would notice that Postgres has lost the last ones, which Kafka still has. */
  async checkPositions(consumer: RunningConsumer): Promise<void> {
    const resting = [...this.#known]
      .filter(([slot]) => !this.#busy.has(slot))
      .map(([slot, state]) => ({ slot, state, nextOffset: state.nextOffset }));
    if (resting.length === 0) return;
    const stored = await readAllIngestPositions(this.#deps.postgres);
    for (const { slot, state, nextOffset } of resting) {
      const isAsBefore =
        !this.#busy.has(slot) && this.#known.get(slot) === state && state.nextOffset === nextOffset;
      const { source } = this.#sourceOf(state.of);
      const found = stored.find((p) => p.source === source.name && p.partition === state.of.partition);
      if (!isAsBefore || found === undefined || found.nextOffset === nextOffset) continue;
      this.#deps.logger.warn(
        { ...state.of, expected: nextOffset, found: found.nextOffset },
        'Postgres holds another ingest position: reading on from there',
      );
      this.#known.delete(slot);
      consumer.seek(state.of, found.nextOffset);
    }
  }

  async #handle(batch: PartitionBatch): Promise<number | undefined> {
    const next = await this.nextOffset(batch);
    if (batch.fetchedOffset > next || batch.endOffset < next) {
      const kept = await this.#kept(batch);
      return next >= kept.earliest && next <= kept.end ? next : this.#standStill(batch, next, kept);
    }
    const first = batch.messages[0];
    const fresh =
      first !== undefined && first.offset < next
        ? batch.messages.filter((m) => m.offset >= next)
        : batch.messages;
    try {
      for (const part of cutBatches(fresh, batch.lastOffset + 1)) {
        if (!batch.isOwned()) return undefined;
        const span = this.#startSpan(batch, part.messages);
        if (!(await inSpan(span, () => this.#ingest(batch, part.messages, part.nextOffset, span))))
          return await this.#afterRefusal(batch);
        await batch.heartbeat();
      }
    } catch (error) {
      // The batch may be stored or not: the position says it.
      this.#known.delete(slotOf(batch));
      throw error;
    }
    return undefined;
  }

  /**
   * Frames first, then the log: after a crash in between the same frames are sent again and change nothing,
   * while an event that the log has can't be missing from the frames.
   */
  async #ingest(
    batch: PartitionBatch,
    messages: PartitionBatch['messages'],
    nextOffset: number,
    span: Span | undefined,
  ): Promise<boolean> {
    const state = await this.#state(batch);
    const source = this.#sourceOf(batch);
    state.recent ??= await readRecentIds(this.#deps.postgres, source.source, batch.partition, this.#idsMax);
    const { nextOffset: firstOffset, recent } = state;
    const prepared = await source.prepare(batch.partition, messages, firstOffset, nextOffset, recent, span);
    const step = (name: string): Span | undefined => (span === undefined ? undefined : this.#deps.tracer?.start(name, { parent: span }));
    await inSpan(step('send frames'), () => this.#send(prepared.messages));
    await this.#deps.failpoints?.afterFramesSent?.();
    const stored = await inSpan(step('store log'), () => this.#log.store(prepared.log));
    await this.#deps.failpoints?.afterLogCommitted?.();
    if (!stored) return false;
    state.nextOffset = nextOffset;
    recent.add(prepared.log.events);
    this.#report(prepared, span);
    return true;
  }

  #startSpan(of: TopicPartition, messages: PartitionBatch['messages']): Span | undefined {
    const { source } = this.#sourceOf(of);
    const attributes = { 'millrace.source': source.name, 'messaging.destination.partition.id': String(of.partition) };
    return startMessageSpan(this.#deps.tracer, `ingest ${source.name}`, messages, { attributes });
  }

  async #afterRefusal(batch: PartitionBatch): Promise<number> {
    const slot = slotOf(batch);
    const expected = this.#known.get(slot)?.nextOffset;
    this.#known.delete(slot);
    const next = await this.nextOffset(batch);
    this.#deps.logger.warn(
      { topic: batch.topic, partition: batch.partition, expected, found: next },
      'batch refused: another member has moved the ingest position',
    );
    return next;
  }

  #standStill(batch: PartitionBatch, next: number, kept: { earliest: number; end: number }): number {
    const { source } = this.#sourceOf(batch);
    const error = new MillraceError(
      'STREAM_GAP',
      `Source '${source.name}', partition ${batch.partition}: the offline log ends before offset ${next}, Kafka has ${kept.earliest} to ${kept.end - 1}. Restore the topic, or accept the loss with: UPDATE millrace.ingest_positions SET next_offset = ${kept.earliest} WHERE source = '${source.name}' AND partition = ${batch.partition}.`,
    );
    this.#deps.metrics.gaps.inc({ source: source.name });
    this.#deps.logger.error({ err: error }, 'source partition stands still');
    // The operator's way out changes the position in Postgres.
    this.#known.delete(slotOf(batch));
    batch.pause(GAP_PAUSE_MS);
    return batch.fetchedOffset;
  }

  async #state(of: TopicPartition): Promise<PartitionState> {
    const slot = slotOf(of);
    const known = this.#known.get(slot);
    if (known !== undefined) return known;
    const { source } = this.#sourceOf(of);
    const nextOffset = await readIngestPosition(this.#deps.postgres, source.name, of.partition);
    if (nextOffset === null) {
      throw new MillraceError(
        'STREAM_NOT_APPLIED',
        `Source '${source.name}', partition ${of.partition}, has no ingest position. Run 'millrace apply' first.`,
      );
    }
    const { topic, partition } = of;
    const state = { of: { topic, partition }, nextOffset, recent: undefined };
    this.#known.set(slot, state);
    return state;
  }

  async #kept(of: TopicPartition): Promise<{ earliest: number; end: number }> {
    const offsets = await this.#deps.kafka.topicOffsets(of.topic);
    return offsets.find((o) => o.partition === of.partition) ?? { earliest: 0, end: 0 };
  }

  #sourceOf(of: TopicPartition): IngestSource {
    return this.#sources.get(of.topic) as IngestSource;
  }

  #report({ log }: PreparedBatch, span: Span | undefined): void {
    const { events, beyondWindows, ingestBatch } = this.#deps.metrics;
    const { source, stored, duplicates, deadLetters } = log.advance;
    events.inc({ source, outcome: 'stored' }, stored);
    if (duplicates > 0) events.inc({ source, outcome: 'duplicate' }, duplicates);
    if (deadLetters > 0) events.inc({ source, outcome: 'dead_letter' }, deadLetters);
    if (log.advance.beyondWindows > 0) beyondWindows.inc({ source }, log.advance.beyondWindows);
    ingestBatch.observe(stored + duplicates + deadLetters);
    span?.set({ 'millrace.events.stored': stored, 'millrace.events.duplicate': duplicates, 'millrace.events.dead_letter': deadLetters });
  }
}

const slotOf = (of: TopicPartition): string => `${of.topic}/${of.partition}`;

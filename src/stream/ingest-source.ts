import type { Names } from '../contracts/names.ts';
import type { Source } from '../define/source.ts';
import type { ViewProgram } from '../fold/compile-view.ts';
import type { IncomingMessage } from '../infra/kafka-consumer.ts';
import type { OutgoingMessage } from '../infra/kafka-producer.ts';
import type { Postgres } from '../infra/postgres.ts';
import type { TraceContext } from '../infra/trace-context.ts';
import { deadLetterMessage, type DeadLetter } from './dead-letter.ts';
import { findDuplicates } from './find-duplicates.ts';
import type { RecentIds } from './recent-ids.ts';
import type { LogBatch } from './log-writer.ts';
import { createMessageParser, parseMessage, type MessageParser, type ParsedEvent } from './parse-message.ts';
import { writeFrames } from './view-frames.ts';

/** Rows and payload bytes of one batch: what one frame may hold, and how long a step takes. */
export const BATCH_ROWS_MAX = 2_000;
export const BATCH_BYTES_MAX = 2_097_152;

export interface PreparedBatch {
  /** Frames and dead letters, to be sent before the batch is stored. */
  readonly messages: readonly OutgoingMessage[];
  readonly log: LogBatch;
}

/** Turns messages of one source into frames, dead letters and rows. Holds no state between batches. */
export class IngestSource {
  readonly source: Source;
  readonly #programs: readonly ViewProgram[];
  readonly #postgres: Postgres;
  readonly #names: Names;
  readonly #parser: MessageParser;
  readonly #longestWindowMs: number;

  constructor(source: Source, programs: readonly ViewProgram[], deps: { postgres: Postgres; names: Names }) {
    this.source = source;
    this.#programs = programs.filter((program) => program.view.source.name === source.name);
    this.#postgres = deps.postgres;
    this.#names = deps.names;
    this.#parser = createMessageParser(source);
    this.#longestWindowMs = Math.max(0, ...this.#programs.map((program) => program.longestWindowMs));
  }

  /**
   * @param firstOffset where the partition stands: the batch covers all offsets from it on
   * @param nextOffset the offset after the batch
   * @param recent what the partition accepted of late
   * @param cause what the frames' own handling goes on from, where it is recorded
   */
  async prepare(
    partition: number,
    messages: readonly IncomingMessage[],
    firstOffset: number,
    nextOffset: number,
    recent: RecentIds,
    cause?: TraceContext,
  ): Promise<PreparedBatch> {
    const { parsed, deadLetters } = this.#parse(partition, messages);
    const duplicates = await findDuplicates(this.#postgres, this.source, parsed, recent);
    const accepted =
      duplicates.size === 0 ? parsed : parsed.filter((event) => !duplicates.has(event.sourceOffset));
    const events =
      this.source.changes === true
        ? accepted.flatMap((event) => (event.replaced === undefined ? [event] : [event.replaced, event]))
        : accepted;
    const newestKnownTime = events.reduce((newest, event) => Math.max(newest, event.knownTime), -Infinity);
    const frames = writeFrames(this.#programs, (p) => this.#names.viewTopic(p.name, p.version), events, {
      sourcePartition: partition,
      firstOffset,
      lastOffset: nextOffset - 1,
      newestKnownTime,
      appendTime: messages[0]?.timestamp ?? 0,
      cause,
    });
    const letterTopic = this.#names.deadLetterTopic(this.source.name);
    return {
      messages: [...frames, ...deadLetters.map((letter) => deadLetterMessage(letterTopic, letter))],
      log: {
        source: this.source,
        events,
        deadLetters,
        advance: {
          source: this.source.name,
          partition,
          expectedOffset: firstOffset,
          nextOffset,
          stored: accepted.length,
          duplicates: duplicates.size,
          deadLetters: deadLetters.length,
          beyondWindows: accepted.filter((e) => e.effectiveTime < e.knownTime - this.#longestWindowMs).length,
          newestKnownTime: events.length === 0 ? null : newestKnownTime,
        },
      },
    };
  }

  #parse(
    partition: number,
    messages: readonly IncomingMessage[],
  ): { parsed: ParsedEvent[]; deadLetters: DeadLetter[] } {
    const parsed: ParsedEvent[] = [];
    const deadLetters: DeadLetter[] = [];
    for (const message of messages) {
      const result = parseMessage(this.#parser, partition, message);
      if ('event' in result) parsed.push(result.event);
      else {
        deadLetters.push({
          source: this.source.name,
          partition,
          sourceOffset: message.offset,
          payload: message.value,
          ...result.refusal,
        });
      }
    }
    return { parsed, deadLetters };
  }
}

/** Cuts messages into batches within the bounds; each says where it ends. */
export function* cutBatches(
  messages: readonly IncomingMessage[],
  endOffset: number,
): Generator<{ messages: readonly IncomingMessage[]; nextOffset: number }> {
  let from = 0;
  let bytes = 0;
  for (let i = 0; i < messages.length; i++) {
    const size = messages[i]?.value?.length ?? 0;
    if (i > from && (i - from >= BATCH_ROWS_MAX || bytes + size > BATCH_BYTES_MAX)) {
      yield { messages: messages.slice(from, i), nextOffset: (messages[i] as IncomingMessage).offset };
      from = i;
      bytes = 0;
    }
    bytes += size;
  }
  if (from < messages.length)
    yield { messages: from === 0 ? messages : messages.slice(from), nextOffset: endOffset };
}

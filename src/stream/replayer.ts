import type { Names } from '../contracts/names.ts';
import type { JsonValue } from '../core/json.ts';
import { MillraceError } from '../core/millrace-error.ts';
import { derivationOf } from '../define/derivation.ts';
import type { Project } from '../define/project.ts';
import type { Source } from '../define/source.ts';
import { partitionOf } from '../fold/partition-of.ts';
import type { KafkaClient } from '../infra/kafka.ts';
import type { OutgoingMessage } from '../infra/kafka-producer.ts';
import type { SourceOffset } from '../store/online-store.ts';
import { KNOWN_TIME_HEADER } from './parse-message.ts';

/** An event of a source. */
export interface SourceEvent {
  readonly source: string;
  /** The event's id, as in its payload, or the changed row's: it chooses the partition. */
  readonly id: string;
  readonly payload: Readonly<Record<string, JsonValue>>;
  /** When it became known, ms since the epoch; counts where the source's known time is carried. Null: when Kafka has it. */
  readonly knownTime: number | null;
}

/** An event of history. */
export interface ReplayEvent extends SourceEvent {
  readonly knownTime: number;
}

/** Sends events straight to the sources' topics. */
export interface Replayer {
  /**
   * Resolves once Kafka has all of them for good. Calls are sent in the order in which they are made.
   * @returns per source partition that got events, the offset of the last: what `waitVisible` takes
   * @throws MillraceError STREAM_SOURCE_NOT_FOUND or STREAM_SOURCE_DERIVED before anything is sent, STREAM_UNAVAILABLE
   */
  send(events: readonly SourceEvent[]): Promise<SourceOffset[]>;
  close(): Promise<void>;
}

/** Messages of one request to Kafka. */
const REQUEST_MESSAGES_MAX = 4_000;

export async function createReplayer(
  kafka: KafkaClient,
  names: Names,
  project: Pick<Project, 'sources'>,
): Promise<Replayer> {
  const producer = await kafka.createProducer();
  const sources = new Map(
    project.sources.map((source) => [source.name, { source, topic: names.sourceTopic(source.name) }]),
  );
  const sourceOfTopic = new Map([...sources.values()].map(({ source, topic }) => [topic, source.name]));
  let before: Promise<unknown> = Promise.resolve();

  const sendInOrder = async (messages: readonly OutgoingMessage[]): Promise<SourceOffset[]> => {
    const last = new Map<string, SourceOffset>();
    for (let from = 0; from < messages.length; from += REQUEST_MESSAGES_MAX) {
      for (const ack of await producer.send(messages.slice(from, from + REQUEST_MESSAGES_MAX))) {
        const sourceName = sourceOfTopic.get(ack.topic) as string;
        last.set(`${ack.topic}/${ack.partition}`, {
          sourceName,
          partition: ack.partition,
          offset: ack.baseOffset + ack.count - 1,
        });
      }
    }
    return [...last.values()];
  };

  return {
    send(events) {
      const messages = events.map((event) => {
        const found = sources.get(event.source);
        if (found === undefined) throw sourceNotFound(event.source, [...sources.keys()]);
        assertTakesEvents(found.source);
        return eventMessage(
          found.source,
          found.topic,
          event.id,
          JSON.stringify(event.payload),
          event.knownTime,
        );
      });
      const sent = before.then(() => sendInOrder(messages));
      before = sent.catch(() => undefined);
      return sent;
    },
    async close() {
      await before;
      await producer.close();
    },
  };
}

/**
 * The message of an event: partitioned by its id, so that a redelivery meets the first delivery. Changes are partitioned by
 * the id of their row: they stay in order, and nothing is taken back before it was added.
 */
export const eventMessage = (
  source: Source,
  topic: string,
  id: string,
  value: string,
  knownTime: number | null,
): OutgoingMessage => ({
  topic,
  partition: partitionOf(id, source.partitions),
  key: id,
  value,
  ...(knownTime === null ? {} : { headers: { [KNOWN_TIME_HEADER]: String(knownTime) } }),
});

/** @throws MillraceError STREAM_SOURCE_DERIVED */
export function assertTakesEvents(source: Source): void {
  const derivation = derivationOf(source);
  if (derivation === undefined) return;
  throw new MillraceError(
    'STREAM_SOURCE_DERIVED',
    `Source '${source.name}' is derived of source '${derivation.from.name}' and takes no events. Send them to that one.`,
  );
}

export const sourceNotFound = (name: string, known: readonly string[]): MillraceError =>
  new MillraceError(
    'STREAM_SOURCE_NOT_FOUND',
    `Source '${name.slice(0, 60)}' is not part of the project. Its sources are: ${known.join(', ')}.`,
  );

import type { Names } from '../contracts/names.ts';
import { MillraceError } from '../core/millrace-error.ts';
import type { Source } from '../define/source.ts';
import { describe, parseInstant } from '../fold/parse-row.ts';
import { parseRows } from '../fold/parse-rows.ts';
import type { OutgoingMessage } from '../infra/kafka-producer.ts';
import {
  createMessageParser,
  EVENT_BYTES_MAX,
  storageProblems,
  type MessageParser,
} from './parse-message.ts';
import { TIMESTAMP_MS_MIN } from '../store/copy-binary.ts';
import { eventMessage } from './replayer.ts';

export interface EventProblem {
  /** Place of the event in the request, from 0. */
  readonly index: number;
  readonly problem: string;
}

/** Problems that one answer lists; the rest is counted. */
const PROBLEMS_MAX = 100;

/** Checks the events of one request against their source. */
export class EventAcceptor {
  readonly source: Source;
  readonly #topic: string;
  readonly #parser: MessageParser;

  constructor(source: Source, names: Names) {
    this.source = source;
    this.#topic = names.sourceTopic(source.name);
    this.#parser = createMessageParser(source);
  }

  /**
   * The known time that the header of a request gives its events; null where there is none.
   * @throws MillraceError REQUEST_INVALID
   */
  knownTimeOf(header: string | string[] | undefined, now: number): number | null {
    if (header === undefined) return null;
    if (this.source.knownTime !== 'carried') {
      throw new MillraceError(
        'REQUEST_INVALID',
        `Header Millrace-Known-Time is not taken for source '${this.source.name}': its known time is the broker's append time. Leave it out, or define the source with knownTime: 'carried'.`,
      );
    }
    const text = String(header);
    const known = parseInstant(/^-?\d+$/.test(text) ? Number(text) : text);
    const { knownAheadMsMax } = this.#parser;
    if (known !== undefined && known >= TIMESTAMP_MS_MIN && known <= now + knownAheadMsMax) return known;
    throw new MillraceError(
      'REQUEST_INVALID',
      `Header Millrace-Known-Time: expected an instant such as '2013-01-01T10:00:00Z', with its zone, or whole milliseconds since the epoch, from 4713 BC to at most ${knownAheadMsMax} ms from now, found ${describe(text)}. Correct the sender's clock, or the header.`,
    );
  }

  /**
   * Messages for all events, or an error that names every wrong one: a request is taken whole or not at all.
   * @param knownTime ms since the epoch; null: the broker's append time
   * @throws MillraceError STREAM_EVENT_INVALID with `details.problems`
   */
  accept(payloads: readonly unknown[], knownTime: number | null, now: number): OutgoingMessage[] {
    const problems: EventProblem[] = [];
    let count = 0;
    const messages: OutgoingMessage[] = [];
    for (const [index, payload] of payloads.entries()) {
      const found = this.#check(payload, knownTime ?? now);
      if (found.problems.length > 0) {
        count += found.problems.length;
        for (const problem of found.problems)
          if (problems.length < PROBLEMS_MAX) problems.push({ index, problem });
      } else if (count === 0) {
        messages.push(eventMessage(this.source, this.#topic, found.id, found.value, knownTime));
      }
    }
    if (count === 0) return messages;
    const listed = problems.map(({ index, problem }) => `event ${index}: ${problem}`).join('; ');
    throw new MillraceError(
      'STREAM_EVENT_INVALID',
      `Nothing was accepted for source '${this.source.name}', ${count} problems: ${listed}. Correct these and send all of them again.`,
      { details: { problems, count } },
    );
  }

  #check(payload: unknown, knownTime: number): { id: string; value: string; problems: readonly string[] } {
    const none = { id: '', value: '' };
    const parsed = parseRows(this.source, payload);
    if (!parsed.ok) return { ...none, problems: parsed.problems };
    const problems: string[] = [];
    for (const row of parsed.rows) {
      problems.push(...storageProblems(this.#parser, row));
      const eventTime = row[this.source.eventTime] as number;
      if (eventTime > knownTime + this.#parser.clockSkewMs) {
        problems.push(
          `field '${this.source.eventTime}': expected at most ${this.source.clockSkew} after the known time, found ${eventTime - knownTime} ms after it`,
        );
      }
    }
    const value = JSON.stringify(payload);
    const bytes = Buffer.byteLength(value);
    if (bytes > EVENT_BYTES_MAX) problems.push(`expected at most ${EVENT_BYTES_MAX} bytes, found ${bytes}`);
    return { id: parsed.rows[0][this.source.id] as string, value, problems };
  }
}

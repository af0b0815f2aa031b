import { isAscii } from 'node:buffer';
import { assertInvariant } from '../core/assert-invariant.ts';
import type { ErrorCode } from '../core/error-table.ts';
import { parseDuration } from '../core/duration.ts';
import { derivationOf } from '../define/derivation.ts';
import { deliveryIdField, type Source } from '../define/source.ts';
import { EVENT_ID_LENGTH_MAX, isEventId } from '../fold/parse-row.ts';
import { parseRows } from '../fold/parse-rows.ts';
import type { IncomingMessage } from '../infra/kafka-consumer.ts';
import { TIMESTAMP_MS_MAX, TIMESTAMP_MS_MIN } from '../store/copy-binary.ts';
import type { LoggedEvent } from '../store/offline-log.ts';

export const KNOWN_TIME_HEADER = 'millrace-known-time';
/** Bytes of one event's payload. */
export const EVENT_BYTES_MAX = 262_144;

/** How far the clock of a sender may run ahead of the broker's, also where the source allows its events less. */
const KNOWN_AHEAD_MS = 300_000;

export interface ParsedEvent extends LoggedEvent {
  /** By which a redelivery is known. */
  readonly id: string;
  /** Of an update: the row that it takes back, which has its offset too. */
  readonly replaced?: ParsedEvent;
}

export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly knownTime: number;
}

/** What ingest needs of a source, worked out once. */
export interface MessageParser {
  readonly source: Source;
  readonly clockSkewMs: number;
  /** How far a known time may lie after the broker's, or the gateway's, present. */
  readonly knownAheadMsMax: number;
  readonly timestampFields: readonly string[];
}

export function createMessageParser(source: Source): MessageParser {
  const clockSkewMs = parseDuration(source.clockSkew) ?? 0;
  return {
    source,
    clockSkewMs,
    // Derived events have the known times of their originals, which were held to it.
    knownAheadMsMax: derivationOf(source) === undefined ? Math.max(clockSkewMs, KNOWN_AHEAD_MS) : Infinity,
    timestampFields: Object.keys(source.schema).filter((name) => source.schema[name]?.type === 'timestamp'),
  };
}

/** Makes an event of a message, or says why it can't be one. Never throws. */
export function parseMessage(
  parser: MessageParser,
  sourcePartition: number,
  message: IncomingMessage,
): { event: ParsedEvent } | { refusal: Refusal } {
  const { source } = parser;
  const knownTime = knownTimeOf(source, message);
  if (knownTime === undefined) {
    const expected = `header '${KNOWN_TIME_HEADER}': expected whole milliseconds since the epoch.`;
    return refuse(source, message.timestamp, 'STREAM_EVENT_INVALID', `${expected} Correct the sender.`);
  }
  // It would end all tiles of its keys, and no later event could be told from a late one.
  if (knownTime > message.timestamp + parser.knownAheadMsMax) {
    const text = `header '${KNOWN_TIME_HEADER}': it lies ${knownTime - message.timestamp} ms after the broker's append time, at most ${parser.knownAheadMsMax} ms are allowed. Correct the sender's clock, or its unit: milliseconds.`;
    return refuse(source, message.timestamp, 'STREAM_EVENT_INVALID', text);
  }
  const found = readPayload(message.value);
  if ('code' in found) return refuse(source, knownTime, found.code, found.text);
  const parsed = parseRows(source, found.payload);
  const problems = parsed.ok ? parsed.rows.flatMap((row) => storageProblems(parser, row)) : parsed.problems;
  if (!parsed.ok || problems.length > 0) {
    const text = `${problems.join('; ')}. Correct the sender or the source's schema.`;
    return refuse(source, knownTime, 'STREAM_EVENT_INVALID', text);
  }
  const { offset: sourceOffset } = message;
  let event: ParsedEvent | undefined;
  for (const row of parsed.rows) {
    const eventTime = row[source.eventTime] as number;
    if (eventTime > knownTime + parser.clockSkewMs) {
      const text = `its event time lies ${eventTime - knownTime} ms after its known time, at most ${parser.clockSkewMs} ms (clockSkew) are allowed. Correct the sender's clock or raise clockSkew.`;
      return refuse(source, knownTime, 'STREAM_EVENT_EARLY', text);
    }
    const effectiveTime = Math.min(eventTime, knownTime);
    const one = { id: parsed.deliveryId, sourcePartition, sourceOffset, eventTime, effectiveTime, knownTime, row };
    event = event === undefined ? one : { ...one, replaced: event };
  }
  assertInvariant(event !== undefined, 'a message that was parsed has a row');
  return { event };
}

function readPayload(value: Buffer | null): { payload: unknown } | { code: ErrorCode; text: string } {
  if (value === null || value.length === 0) {
    const text =
      'the message is empty, expected a JSON object. Topics of sources are no key-value stores: send no tombstones.';
    return { code: 'STREAM_EVENT_MALFORMED', text };
  }
  if (value.length > EVENT_BYTES_MAX) {
    const text = `it has ${value.length} bytes, at most ${EVENT_BYTES_MAX} are taken. Send less per event.`;
    return { code: 'STREAM_EVENT_OVERSIZED', text };
  }
  const payload = parseJson(value);
  if (payload !== undefined) return { payload };
  const text = 'the message is not JSON in UTF-8, expected a JSON object. Correct the sender.';
  return { code: 'STREAM_EVENT_MALFORMED', text };
}

const refuse = (source: Source, knownTime: number, code: ErrorCode, text: string): { refusal: Refusal } => ({
  refusal: { code, message: `Event of source '${source.name}': ${text}`, knownTime },
});

/** Problems of a well-typed row that the offline log could not hold. */
export function storageProblems(parser: MessageParser, row: Readonly<Record<string, unknown>>): string[] {
  const problems: string[] = [];
  for (const name of new Set([parser.source.id, deliveryIdField(parser.source)])) {
    const id = row[name];
    if (typeof id === 'string' && isEventId(id)) continue;
    problems.push(
      `field '${name}': expected an event id of 1 to ${EVENT_ID_LENGTH_MAX} characters, found ${typeof id === 'string' ? id.length : 'none'}`,
    );
  }
  for (const name of parser.timestampFields) {
    const value = row[name];
    if (typeof value === 'number' && (value < TIMESTAMP_MS_MIN || value > TIMESTAMP_MS_MAX)) {
      problems.push(
        `field '${name}': expected a time that PostgreSQL can hold (from 4713 BC), found ${value} ms`,
      );
    }
  }
  return problems;
}

function knownTimeOf(source: Source, message: IncomingMessage): number | undefined {
  const header = source.knownTime === 'carried' ? message.headers[KNOWN_TIME_HEADER] : undefined;
  if (header === undefined) return message.timestamp;
  const text = String(Array.isArray(header) ? header[0] : header);
  const known = Number(text);
  return text !== '' && Number.isInteger(known) && known >= TIMESTAMP_MS_MIN && known <= TIMESTAMP_MS_MAX
    ? known
    : undefined;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

function parseJson(value: Buffer): unknown {
  try {
    return JSON.parse(isAscii(value) ? value.toString('latin1') : utf8.decode(value)) as unknown;
  } catch {
    return undefined;
  }
}

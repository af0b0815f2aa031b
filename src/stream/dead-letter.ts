import type { ErrorCode } from '../core/error-table.ts';
import type { OutgoingMessage } from '../infra/kafka-producer.ts';
import type { Queryable } from '../infra/postgres.ts';

/** A message that can't become an event, with its cause and its coordinates. */
export interface DeadLetter {
  readonly source: string;
  readonly partition: number;
  readonly sourceOffset: number;
  readonly code: ErrorCode;
  readonly message: string;
  readonly payload: Buffer | null;
  /** Ms since the epoch. */
  readonly knownTime: number;
}

/** What is kept of a payload: enough to see what it was, and never more than a topic takes. */
const PAYLOAD_BYTES_MAX = 65_536;
const MESSAGE_LENGTH_MAX = 4_000;

export function deadLetterMessage(topic: string, letter: DeadLetter): OutgoingMessage {
  return {
    topic,
    partition: letter.partition,
    value: letter.payload === null ? null : letter.payload.subarray(0, PAYLOAD_BYTES_MAX),
    headers: {
      'millrace-code': letter.code,
      'millrace-message': letter.message.slice(0, MESSAGE_LENGTH_MAX),
      'millrace-source-partition': String(letter.partition),
      'millrace-source-offset': String(letter.sourceOffset),
      'millrace-known-time': String(letter.knownTime),
    },
  };
}

/** Stores dead letters in the transaction that moves the position; one that is there already stays. */
export async function insertDeadLetters(tx: Queryable, letters: readonly DeadLetter[]): Promise<void> {
  if (letters.length === 0) return;
  await tx.query(
    `INSERT INTO millrace.dead_letters (source, partition, source_offset, code, message, payload, known_time)
     SELECT source, partition, source_offset, code, message, payload, to_timestamp(known / 1000)
     FROM unnest($1::text[], $2::int[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::double precision[])
       AS l(source, partition, source_offset, code, message, payload, known)
     ON CONFLICT DO NOTHING`,
    [
      letters.map((l) => l.source),
      letters.map((l) => l.partition),
      letters.map((l) => l.sourceOffset),
      letters.map((l) => l.code),
      letters.map((l) => storable(l.message.slice(0, MESSAGE_LENGTH_MAX))),
      letters.map((l) =>
        l.payload === null ? null : storable(l.payload.toString('utf8', 0, PAYLOAD_BYTES_MAX)),
      ),
      letters.map((l) => l.knownTime),
    ],
  );
}

/** Postgres takes neither NUL nor half a surrogate pair in text; the picture of NUL says what was there. */
const storable = (text: string): string => Buffer.from(text).toString().replaceAll('\u0000', '\u2400');

import type { Queryable } from '../infra/postgres.ts';

export interface DeadLetter {
  readonly source: string;
  readonly partition: number;
  readonly offset: number;
  readonly code: string;
  readonly message: string;
  readonly payload: string | null;
  /** Milliseconds since the epoch. */
  readonly knownTime: number;
}

/**
 * The dead letters that became known last, newest first; of all sources where `source` is null.
 * @param payloadCharsMax longer payloads are cut there; null: none is
 */
export async function listDeadLetters(
  db: Queryable,
  source: string | null,
  limit: number,
  payloadCharsMax: number | null = null,
): Promise<DeadLetter[]> {
  return db.query<DeadLetter>(
    `SELECT source, partition, source_offset::float8 AS "offset", code, message, left(payload, coalesce($3::int, length(payload))) AS payload,
            (extract(epoch FROM known_time) * 1000)::float8 AS "knownTime"
       FROM millrace.dead_letters
      WHERE $1::text IS NULL OR source = $1
      ORDER BY known_time DESC, source, partition, source_offset DESC LIMIT $2`,
    [source, limit, payloadCharsMax],
  );
}

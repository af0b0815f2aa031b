import { derivationOf } from '../../define/derivation.ts';
import type { Source } from '../../define/source.ts';
import type { Queryable } from '../../infra/postgres.ts';

/** Partition of the original source -> offset of the first event that was not derived. */
export type DerivePositions = ReadonlyMap<number, number>;

/** What one batch adds to the account of a partition. */
export interface DeriveAdvance {
  readonly partition: number;
  readonly expectedOffset: number;
  readonly nextOffset: number;
  readonly derived: number;
}

/** Empty before `millrace apply` made the rows. */
export async function readDerivePositions(db: Queryable, source: string): Promise<DerivePositions> {
  const rows = await db.query<{ partition: number; next: number }>(
    'SELECT partition, next_offset::float8 AS next FROM millrace.derive_positions WHERE source = $1',
    [source],
  );
  return new Map(rows.map(({ partition, next }) => [partition, next]));
}

/** Makes the rows of derived sources, each at the first offset: history is derived too. Present rows stay as they are, and are not waited for. */
export async function createDerivePositions(db: Queryable, sources: readonly Source[]): Promise<void> {
  const slots = sources.flatMap((source) =>
    Array.from({ length: derivationOf(source)?.from.partitions ?? 0 }, (_, partition) => ({
      name: source.name,
      partition,
    })),
  );
  await db.query(
    `INSERT INTO millrace.derive_positions (source, partition, next_offset)
     SELECT source, partition, 0 FROM unnest($1::text[], $2::int[]) AS s(source, partition)
     WHERE NOT EXISTS (SELECT FROM millrace.derive_positions AS p WHERE p.source = s.source AND p.partition = s.partition)
     ON CONFLICT DO NOTHING`,
    [slots.map(({ name }) => name), slots.map(({ partition }) => partition)],
  );
}

/**
 * Moves positions of one derived source by compare-and-set, each by itself. Commits without waiting for the disk: what a
 * crash of Postgres takes back is derived again, and dropped as a redelivery.
 * @returns the partitions that moved; for the others, someone else derived in between
 */
export async function advanceDerivePositions(
  db: Queryable,
  source: string,
  advances: readonly DeriveAdvance[],
): Promise<number[]> {
  const sorted = [...advances].sort((a, b) => a.partition - b.partition);
  const moved = await db.query<{ partition: number }>(
    `UPDATE millrace.derive_positions AS p SET next_offset = a.next, derived = p.derived + a.derived
     FROM unnest($2::int[], $3::bigint[], $4::bigint[], $5::bigint[]) AS a(partition, expected, next, derived),
       set_config('synchronous_commit', 'off', true)
     WHERE p.source = $1 AND p.partition = a.partition AND p.next_offset = a.expected
     RETURNING p.partition`,
    [
      source,
      sorted.map((a) => a.partition),
      sorted.map((a) => a.expectedOffset),
      sorted.map((a) => a.nextOffset),
      sorted.map((a) => a.derived),
    ],
  );
  return moved.map(({ partition }) => partition);
}

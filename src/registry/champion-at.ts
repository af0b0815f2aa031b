import type { Queryable } from '../infra/postgres.ts';

/** The champion at a moment (ms since the epoch), from the ledger; null where there was none. */
export async function championAt(db: Queryable, model: string, time: number): Promise<number | null> {
  const [row] = await db.query<{ champion: number | null }>(
    `SELECT (details->>'champion')::int AS champion FROM millrace.ledger
     WHERE model = $1 AND details ? 'revision' AND at <= $2 ORDER BY seq DESC LIMIT 1`,
    [model, new Date(time)],
  );
  return row?.champion ?? null;
}

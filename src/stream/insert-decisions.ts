import { sqlState } from '../infra/postgres-error.ts';
import type { Queryable } from '../infra/postgres.ts';
import type { DecisionRow } from './decision-rows.ts';

/** Classes of SQLSTATE by which Postgres refuses a row for what is in it: data, constraints, limits such as that of an index entry. */
const refusesData = /^(22|23|54)/;

/**
 * Inserts what Postgres takes and leaves out the rest: a row that it refuses would otherwise come again for ever, and hold up all that come
 * after it. Halves find it.
 * @returns how many were new
 */
export async function insertStorable(
  tx: Queryable,
  rows: readonly DecisionRow[],
  onRefused: (row: DecisionRow, error: unknown) => void,
): Promise<number> {
  const [first] = rows;
  if (first === undefined) return 0;
  await tx.query('SAVEPOINT decisions');
  try {
    const stored = await insertDecisions(tx, rows);
    await tx.query('RELEASE SAVEPOINT decisions');
    return stored;
  } catch (error) {
    if (!refusesData.test(sqlState(error) ?? '')) throw error;
    await tx.query('ROLLBACK TO SAVEPOINT decisions');
    await tx.query('RELEASE SAVEPOINT decisions');
    if (rows.length === 1) {
      onRefused(first, error);
      return 0;
    }
  }
  const half = Math.ceil(rows.length / 2);
  const before = await insertStorable(tx, rows.slice(0, half), onRefused);
  return before + (await insertStorable(tx, rows.slice(half), onRefused));
}

/** @returns how many were new */
async function insertDecisions(tx: Queryable, rows: readonly DecisionRow[]): Promise<number> {
  const decisions = rows.map(({ decision }) => decision);
  const [row] = await tx.query<{ stored: number }>(
    `WITH new AS (INSERT INTO millrace.decisions
       (id, model, version, variant, example_id, as_of, served_at, score, shadow_version, shadow_score, numbers, body)
     SELECT id, model, version, variant, example_id, to_timestamp(as_of / 1000), to_timestamp(served_at / 1000), score,
            shadow_version, shadow_score, decode(numbers, 'base64'), body
     FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::text[], $6::float8[], $7::float8[], $8::float8[],
                 $9::int[], $10::float8[], $11::text[], $12::jsonb[])
       AS d(id, model, version, variant, example_id, as_of, served_at, score, shadow_version, shadow_score, numbers, body)
     ON CONFLICT (id) DO NOTHING RETURNING 1)
     SELECT count(*)::int AS stored FROM new`,
    [
      decisions.map((d) => d.id),
      decisions.map((d) => d.model),
      decisions.map((d) => d.version),
      decisions.map((d) => d.variant),
      decisions.map((d) => d.exampleId),
      decisions.map((d) => d.asOf),
      decisions.map((d) => d.servedAt),
      decisions.map((d) => d.score),
      decisions.map((d) => d.shadow?.version ?? null),
      decisions.map((d) => d.shadow?.score ?? null),
      decisions.map((d) => d.numbers),
      rows.map(({ body }) => body),
    ],
  );
  return row?.stored ?? 0;
}

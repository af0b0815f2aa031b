import type { Queryable } from '../infra/postgres.ts';
import { ledgerColumns, toLedgerEntry, type LedgerEntry, type LedgerRow } from './ledger-entry.ts';

/**
 * The newest entries, newest first; of all models where `model` is null.
 * @param before only entries with a smaller number: where the next page goes on
 */
export async function listLedger(
  db: Queryable,
  model: string | null,
  limit: number,
  before: number | null = null,
): Promise<LedgerEntry[]> {
  const rows = await db.query<LedgerRow>(
    `SELECT ${ledgerColumns} FROM millrace.ledger
     WHERE ($1::text IS NULL OR model = $1) AND ($3::bigint IS NULL OR seq < $3) ORDER BY seq DESC LIMIT $2`,
    [model, limit, before],
  );
  return rows.map(toLedgerEntry);
}

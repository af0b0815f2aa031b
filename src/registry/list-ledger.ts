import type { Queryable } from '../infra/postgres.ts';
import { ledgerColumns, toLedgerEntry, type LedgerEntry, type LedgerRow } from './ledger-entry.ts';

/** The newest entries, newest first; of all models where `model` is null. */
export async function listLedger(db: Queryable, model: string | null, limit: number): Promise<LedgerEntry[]> {
  const rows = await db.query<LedgerRow>(
    `SELECT ${ledgerColumns} FROM millrace.ledger
     WHERE $1::text IS NULL OR model = $1 ORDER BY seq DESC LIMIT $2`,
    [model, limit],
  );
  return rows.map(toLedgerEntry);
}

import type { Queryable } from '../infra/postgres.ts';
import { ledgerColumns, ledgerHash, toLedgerEntry, type LedgerEntry, type LedgerRow } from './ledger-entry.ts';

const PAGE_ROWS = 1_000;
const GENESIS = '0'.repeat(64);

export interface LedgerVerdict {
  readonly entries: number;
  readonly ok: boolean;
  /** Number of the first entry that is changed, missing or out of order, and what is wrong with it. */
  readonly firstBad: { readonly seq: number; readonly problem: string } | null;
}

/** Recomputes the chain from its beginning and compares its end with the head. */
export async function verifyLedger(db: Queryable): Promise<LedgerVerdict> {
  const [head] = await db.query<{ seq: string; hash: string }>('SELECT seq, hash FROM millrace.ledger_head');
  const end = { seq: Number(head?.seq ?? 0), hash: head?.hash ?? GENESIS };
  let previous = { seq: 0, hash: GENESIS };
  while (previous.seq < end.seq) {
    // Entries beyond the head that was read are of writers that came later.
    const rows = await db.query<LedgerRow>(
      `SELECT ${ledgerColumns} FROM millrace.ledger WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3`,
      [previous.seq, end.seq, PAGE_ROWS],
    );
    if (rows.length === 0) return bad(previous.seq, previous.seq + 1, 'is missing');
    for (const row of rows) {
      const entry = toLedgerEntry(row);
      const problem = problemOf(entry, previous);
      if (problem !== null) return bad(previous.seq, previous.seq + 1, problem);
      previous = { seq: entry.seq, hash: entry.hash };
    }
  }
  if (previous.hash !== end.hash) return bad(previous.seq, end.seq, 'does not have the hash that the head names');
  return { entries: previous.seq, ok: true, firstBad: null };
}

function problemOf(entry: LedgerEntry, previous: { seq: number; hash: string }): string | null {
  if (entry.seq !== previous.seq + 1) return 'is missing';
  if (entry.previousHash !== previous.hash) return 'does not follow the entry before it';
  return ledgerHash(previous.hash, entry) === entry.hash ? null : 'was changed after it was written';
}

const bad = (entries: number, seq: number, problem: string): LedgerVerdict => ({
  entries,
  ok: false,
  firstBad: { seq, problem },
});

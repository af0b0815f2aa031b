import type { JsonValue } from '../core/json.ts';
import type { Queryable } from '../infra/postgres.ts';
import { ledgerHash, type LedgerEntry, type LedgerNote } from './ledger-entry.ts';

/** Adds an entry to the end of the chain. `tx` must be a transaction: the head's lock orders writers. */
export async function appendLedger(tx: Queryable, note: LedgerNote): Promise<LedgerEntry> {
  const [head] = await tx.query<{ seq: string; hash: string; now: Date }>(
    `SELECT seq, hash, date_trunc('milliseconds', clock_timestamp()) AS now
     FROM millrace.ledger_head FOR UPDATE`,
  );
  const { seq, hash: previousHash, now } = head as { seq: string; hash: string; now: Date };
  // Through JSON once, so that what is hashed is what jsonb gives back.
  const details = JSON.parse(JSON.stringify(note.details)) as Record<string, JsonValue>;
  const numbered = { ...note, details, seq: Number(seq) + 1, at: now.getTime() };
  const hash = ledgerHash(previousHash, numbered);
  await tx.query(
    `INSERT INTO millrace.ledger (seq, at, model, version, actor, action, reason, details, previous_hash, hash)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [
      numbered.seq,
      now,
      note.model,
      note.version,
      note.actor,
      note.action,
      note.reason,
      JSON.stringify(details),
      previousHash,
      hash,
    ],
  );
  await tx.query('UPDATE millrace.ledger_head SET seq = $1, hash = $2', [numbered.seq, hash]);
  return { ...numbered, previousHash, hash };
}

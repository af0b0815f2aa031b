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
  const kept = asKept(note);
  const numbered = { ...kept, seq: Number(seq) + 1, at: now.getTime() };
  const hash = ledgerHash(previousHash, numbered);
  await tx.query(
    `INSERT INTO millrace.ledger (seq, at, model, version, actor, action, reason, details, previous_hash, hash)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [
      numbered.seq,
      now,
      kept.model,
      kept.version,
      kept.actor,
      kept.action,
      kept.reason,
      JSON.stringify(kept.details),
      previousHash,
      hash,
    ],
  );
  await tx.query('UPDATE millrace.ledger_head SET seq = $1, hash = $2', [numbered.seq, hash]);
  return { ...numbered, previousHash, hash };
}

/**
 * The note as PostgreSQL gives it back, for that is what a verification hashes: details through JSON once, and texts well-formed, since half of
 * a surrogate pair becomes U+FFFD in a text and is refused in jsonb.
 */
const asKept = (note: LedgerNote): LedgerNote => wellFormed(JSON.parse(JSON.stringify(note)) as JsonValue) as unknown as LedgerNote;

function wellFormed(value: JsonValue): JsonValue {
  if (typeof value === 'string') return value.toWellFormed();
  if (Array.isArray(value)) return (value as readonly JsonValue[]).map(wellFormed);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key.toWellFormed(), wellFormed(inner)]));
}

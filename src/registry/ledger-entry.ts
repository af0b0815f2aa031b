import { canonicalJson, type JsonValue } from '../core/json.ts';
import { sha256Hex } from '../infra/artifacts.ts';

/** What a writer says; the ledger adds number, time and hash. */
export interface LedgerNote {
  readonly model: string | null;
  readonly version: number | null;
  /** Who: a workflow id, or the operator that signalled it. */
  readonly actor: string;
  readonly action: string;
  readonly reason: string;
  readonly details: Readonly<Record<string, JsonValue>>;
}

export interface LedgerEntry extends LedgerNote {
  readonly seq: number;
  /** Milliseconds since the epoch, by the database's clock. */
  readonly at: number;
  readonly previousHash: string;
  readonly hash: string;
}

/** sha256 of the previous hash and the entry's canonical JSON, its number included. */
export function ledgerHash(previousHash: string, entry: Omit<LedgerEntry, 'previousHash' | 'hash'>): string {
  const { seq, at, model, version, actor, action, reason, details } = entry;
  return sha256Hex(previousHash + canonicalJson({ seq, at, model, version, actor, action, reason, details }));
}

export interface LedgerRow extends LedgerNote {
  readonly seq: string;
  readonly at: Date;
  readonly previous_hash: string;
  readonly hash: string;
}

export const ledgerColumns = 'seq, at, model, version, actor, action, reason, details, previous_hash, hash';

export function toLedgerEntry(row: LedgerRow): LedgerEntry {
  const { previous_hash: previousHash, seq, at, ...rest } = row;
  return { ...rest, seq: Number(seq), at: at.getTime(), previousHash };
}

import type { PartitionOffsets } from '../../src/infra/kafka.ts';
import type { DecisionAccount } from '../../src/store/source-accounts.ts';

/** Decisions on their way from serving to Postgres, of all models together. */
export interface DecisionFlow {
  readonly stored: number;
  /** Messages, of one or more decisions each, that are not stored yet. */
  readonly waitingMessages: number;
}

export function decisionFlow(ends: readonly PartitionOffsets[], accounts: readonly DecisionAccount[]): DecisionFlow {
  const next = new Map(accounts.map((account) => [account.partition, account.next]));
  return {
    stored: accounts.reduce((total, { stored }) => total + stored, 0),
    waitingMessages: ends.reduce((total, { partition, earliest, end }) => total + Math.max(0, end - Math.max(earliest, next.get(partition) ?? 0)), 0),
  };
}

import type { PartitionOffsets } from '../../src/infra/kafka.ts';

/** Decisions on their way from serving to Postgres, of all models together. */
export interface DecisionFlow {
  readonly sent: number;
  readonly stored: number;
  readonly waiting: number;
}

export function decisionFlow(
  ends: readonly PartitionOffsets[],
  nextOffsets: Readonly<Record<string, number>>,
): DecisionFlow {
  const sent = ends.reduce((total, { end }) => total + end, 0);
  const stored = Object.values(nextOffsets).reduce((total, next) => total + next, 0);
  return { sent, stored, waiting: Math.max(0, sent - stored) };
}

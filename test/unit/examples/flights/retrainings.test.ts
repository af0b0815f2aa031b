import { expect, it } from 'vitest';
import { retrainings } from '../../../../examples/flights/flights-report.ts';
import type { LedgerEntry } from '../../../../src/index.ts';

const entry = (seq: number, action: string, version: number | null, reason: string): LedgerEntry =>
  ({ seq, at: seq, action, version, reason }) as LedgerEntry;

it('tells of each version why it was trained and what was decided on it last', () => {
  const ledger = [
    entry(1, 'register', 1, 'first'),
    entry(2, 'promote', 1, 'no champion'),
    entry(3, 'register', 2, 'metric-degraded'),
    entry(4, 'canary', 2, 'canary at 10 %'),
    entry(5, 'restore', 1, 'rolled-back'),
    entry(6, 'verdict', 2, 'latency'),
    entry(7, 'register', 3, 'feature-drift'),
    entry(8, 'refuse', 3, 'log loss'),
    entry(9, 'register', 4, 'new-labels'),
    entry(10, 'shadow', 4, 'hold-out'),
  ];
  expect(retrainings(ledger).map(({ version, trigger, verdict, reason }) => [version, trigger, verdict, reason])).toEqual([
    [1, 'first', 'promoted', 'no champion'],
    [2, 'metric-degraded', 'not promoted', 'latency'],
    [3, 'feature-drift', 'refused', 'log loss'],
    [4, 'new-labels', 'no decision yet', ''],
  ]);
});

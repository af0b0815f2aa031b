import type { LedgerEntry, SourceBalance, StoredReport, VersionComparison } from '../../src/index.ts';

/** Everything that the report shows, as one JSON document. */
export interface FlightsReport {
  readonly model: string;
  readonly command: string;
  readonly machine: string;
  readonly wallClockMs: number;
  readonly frozenVersion: number;
  /** What served beside the first version kept frozen, month by month and over all. */
  readonly comparison: VersionComparison;
  readonly ledger: readonly LedgerEntry[];
  readonly monitor: readonly StoredReport[];
  readonly latencyMs: { readonly p50: number | null; readonly p95: number | null; readonly p99: number | null };
  readonly freshnessMs: { readonly p50: number | null; readonly p99: number | null };
  readonly predictions: { readonly answered: number; readonly failed: number; readonly askedAgain: number; readonly stored: number };
  readonly balance: readonly SourceBalance[];
}

export interface BalanceTotals {
  readonly sent: number;
  readonly stored: number;
  readonly duplicates: number;
  readonly deadLetters: number;
  /** Every event that was sent is in the offline log exactly once, a named dead letter or a counted redelivery. */
  readonly balanced: boolean;
}

export function totalsOf(balance: readonly SourceBalance[]): BalanceTotals {
  const sum = (pick: (source: SourceBalance) => number): number => balance.reduce((total, s) => total + pick(s), 0);
  return {
    sent: sum((s) => s.sent),
    stored: sum((s) => s.stored),
    duplicates: sum((s) => s.duplicates),
    deadLetters: sum((s) => s.deadLetters),
    balanced: balance.every(
      (s) => s.sent === s.stored + s.duplicates + s.deadLetters && s.stored === s.rows && s.missing === 0,
    ),
  };
}

/** One version's way: why it was trained and what became of it. */
export interface Retraining {
  readonly at: number;
  readonly version: number;
  readonly trigger: string;
  readonly verdict: string;
  readonly reason: string;
}

/** Every version that was registered, oldest first; the newest decision on it is its verdict. */
export function retrainings(ledger: readonly LedgerEntry[]): Retraining[] {
  return ledger.flatMap((entry) => {
    const { version } = entry;
    if (entry.action !== 'register' || version === null) return [];
    const last = ledger.findLast((e) => e.version === version && verdicts.has(e.action));
    return [
      {
        at: entry.at,
        version,
        trigger: entry.reason,
        verdict: (last && verdicts.get(last.action)) ?? 'no decision yet',
        reason: last?.reason ?? '',
      },
    ];
  });
}

/** Ledger actions that end a version's way, in the report's words. */
const verdicts: ReadonlyMap<string, string> = new Map([
  ['promote', 'promoted'],
  ['refuse', 'refused'],
  ['verdict', 'not promoted'],
]);

/** The highest PSI that each feature reached in any window, greatest first. */
export function driftByFeature(monitor: readonly StoredReport[]): { name: string; psi: number; window: number }[] {
  const worst = new Map<string, { name: string; psi: number; window: number }>();
  for (const report of monitor) {
    for (const [name, psi] of Object.entries(report.featurePsi)) {
      if (psi > (worst.get(name)?.psi ?? -1)) worst.set(name, { name, psi, window: report.from });
    }
  }
  return [...worst.values()].sort((a, b) => b.psi - a.psi);
}

/** `2013-07-04 12:30:00`, UTC. */
export const stamp = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace('T', ' ');

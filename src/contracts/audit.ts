/** Which served decisions of a model an audit takes. Times are decision times, ms since the epoch; null: any. */
export interface AuditScope {
  readonly version: number | null;
  /** Arms of experiments are audited with all decisions, or by their version. */
  readonly variant: 'champion' | 'canary' | null;
  /** Inclusive. */
  readonly from: number | null;
  /** Exclusive. */
  readonly to: number | null;
  /** This many, drawn at random; null: all. */
  readonly sample: number | null;
  /** Only what came after the last audit that took every version and time. */
  readonly sinceLast: boolean;
}

export const everyDecision: AuditScope = {
  version: null,
  variant: null,
  from: null,
  to: null,
  sample: null,
  sinceLast: false,
};

/** What an audit will go through, fixed when it begins: decisions that come later are not its own. */
export interface AuditPlan {
  /** Sequence numbers of the decision log: above the one, up to the other. */
  readonly seqAfter: number;
  readonly seqTo: number;
  /** Draws the sample: decisions whose hash with it is at most `drawnTo`; null: all. */
  readonly seed: string;
  readonly drawnTo: string | null;
  /** How many decisions there are; absent from plans that were made before it was counted. */
  readonly decisions?: number;
}

/** The last decision that was gone through, in order of decision time. */
export interface AuditCursor {
  readonly asOf: number;
  readonly seq: number;
}

/** A value of a served row that is not what the raw rows give. */
export interface AuditMismatch {
  readonly decision: string;
  readonly version: number;
  readonly asOf: number;
  readonly feature: string;
  /** Null for a feature that comes from no view: an on-demand one or the request's. */
  readonly view: string | null;
  readonly entityKey: string | null;
  readonly window: string | null;
  readonly served: number | string | null;
  readonly recomputed: number | string | null;
  /** The read lay so far before the newest event of its state that tiles it needed may have been dropped. */
  readonly beyondGrace: boolean;
  /** Events of the window that the read had seen, the newest ones as [source partition, source offset]. */
  readonly events: { readonly count: number; readonly newest: readonly (readonly [number, number])[] } | null;
}

/** What was found so far. Values are the float32 numbers and the categories of rows. */
export interface AuditTally {
  readonly decisions: number;
  /** Made with other definitions than the project has now. */
  readonly skipped: number;
  /** Saw events that the offline log does not have yet. */
  readonly pending: number;
  readonly values: number;
  readonly mismatched: number;
  /** Right for what the read had seen, but not what was known at the decision time. */
  readonly stale: number;
  /** Those of them whose state had run ahead of the decision time: it saw events that became known later. */
  readonly staleAhead: number;
  readonly staleDecisions: number;
  /** The first ones. */
  readonly mismatches: readonly AuditMismatch[];
  /** Feature -> values. */
  readonly mismatchedFeatures: Readonly<Record<string, number>>;
  readonly staleFeatures: Readonly<Record<string, number>>;
  /** Features, `<view>.<feature>`, whose witness is a replay of the fold over the raw rows; that of all others is SQL. */
  readonly replayedFeatures: readonly string[];
  /** Decision times of the first and the last decision; null where there is none. */
  readonly from: number | null;
  readonly to: number | null;
  /** sha256 over the one before and every decision and row, served and recomputed, that was compared since. */
  readonly chain: string;
}

export const emptyTally: AuditTally = {
  decisions: 0,
  skipped: 0,
  pending: 0,
  values: 0,
  mismatched: 0,
  stale: 0,
  staleAhead: 0,
  staleDecisions: 0,
  mismatches: [],
  mismatchedFeatures: {},
  staleFeatures: {},
  replayedFeatures: [],
  from: null,
  to: null,
  chain: '',
};

/** Mismatches that are kept with all that explains them; the others are counted. */
export const AUDIT_MISMATCHES_MAX = 20;

export function mergeTallies(before: AuditTally, next: AuditTally): AuditTally {
  return {
    decisions: before.decisions + next.decisions,
    skipped: before.skipped + next.skipped,
    pending: before.pending + next.pending,
    values: before.values + next.values,
    mismatched: before.mismatched + next.mismatched,
    stale: before.stale + next.stale,
    staleAhead: before.staleAhead + next.staleAhead,
    staleDecisions: before.staleDecisions + next.staleDecisions,
    mismatches: [...before.mismatches, ...next.mismatches].slice(0, AUDIT_MISMATCHES_MAX),
    mismatchedFeatures: addCounts(before.mismatchedFeatures, next.mismatchedFeatures),
    staleFeatures: addCounts(before.staleFeatures, next.staleFeatures),
    replayedFeatures: [...new Set([...replayedOf(before), ...replayedOf(next)])].sort(),
    from: before.from ?? next.from,
    to: before.to === null || next.to === null ? (next.to ?? before.to) : Math.max(before.to, next.to),
    chain: next.chain,
  };
}

/** A tally that a running workflow carries may be older than the field. */
const replayedOf = (tally: Partial<AuditTally>): readonly string[] => tally.replayedFeatures ?? [];

type Counts = Readonly<Record<string, number>>;

function addCounts(before: Counts, next: Counts): Counts {
  const sums: Record<string, number> = { ...before };
  for (const [name, count] of Object.entries(next)) sums[name] = (sums[name] ?? 0) + count;
  return sums;
}

export interface AuditInput {
  readonly namespace: string;
  readonly model: string;
  readonly scope: AuditScope;
  readonly requestedBy: string;
  readonly carried?: AuditCarried;
}

/** What survives continue-as-new. */
export interface AuditCarried {
  readonly plan: AuditPlan;
  readonly cursor: AuditCursor;
  readonly tally: AuditTally;
}

/** `clean`: something was compared and all of it agrees. */
export type AuditVerdict = 'clean' | 'mismatched' | 'nothing-compared';

export interface AuditResult {
  readonly model: string;
  readonly verdict: AuditVerdict;
  /** Number of the stored certificate; null where no decision was there to audit. */
  readonly certificate: number | null;
  readonly digest: string | null;
  readonly tally: AuditTally;
}

export function auditVerdict({ decisions, mismatched }: AuditTally): AuditVerdict {
  if (mismatched > 0) return 'mismatched';
  return decisions > 0 ? 'clean' : 'nothing-compared';
}

/** One line for a person: ledger, Temporal UI, command line. */
export function describeTally(tally: AuditTally): string {
  const left = [
    ...(tally.skipped > 0 ? [`${tally.skipped} made with other definitions`] : []),
    ...(tally.pending > 0 ? [`${tally.pending} ahead of the offline log`] : []),
  ];
  const differ = tally.mismatched === 0 ? 'none differs' : `${tally.mismatched} differ (${most(tally.mismatchedFeatures)})`;
  const ahead = tally.staleAhead === 0 ? '' : `, ${tally.staleAhead} of them by reads ahead of their time`;
  const stale = tally.stale === 0 ? 'none stale' : `${tally.stale} stale (${most(tally.staleFeatures)})${ahead}`;
  const out = left.length === 0 ? '' : `; left out: ${left.join(', ')}`;
  const replayed = replayedOf(tally);
  const witness = replayed.length === 0 ? '' : `; by replay of the fold: ${replayed.join(', ')}`;
  return `${tally.decisions} decisions, ${tally.values} values: ${differ}, ${stale}${witness}${out}`;
}

/** How far an audit is, for whoever waits. */
export interface AuditProgress {
  /** Decisions that were gone through, those left out included. */
  readonly done: number;
  /** Null: not counted. */
  readonly of: number | null;
  readonly mismatched: number;
}

export const auditQueries = { progress: 'auditProgress' } as const;

export const auditProgress = (plan: AuditPlan | null, tally: AuditTally): AuditProgress => ({
  done: tally.decisions + tally.skipped + tally.pending,
  of: plan?.decisions ?? null,
  mismatched: tally.mismatched,
});

const FEATURES_NAMED_MAX = 3;

/** The features with the highest counts. */
export const mostAffected = (counts: Counts): [feature: string, values: number][] =>
  Object.entries(counts).sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));

const most = (counts: Counts): string =>
  mostAffected(counts)
    .slice(0, FEATURES_NAMED_MAX)
    .map(([feature, values]) => `${feature} ${values}`)
    .join(', ');

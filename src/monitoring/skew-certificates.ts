import { auditVerdict, describeTally, type AuditPlan, type AuditScope, type AuditTally } from '../contracts/audit.ts';
import { canonicalJson, type JsonValue } from '../core/json.ts';
import { sha256Hex } from '../infra/artifacts.ts';
import type { Postgres, Queryable } from '../infra/postgres.ts';
import { appendLedger } from '../registry/append-ledger.ts';

/** What an audit found, as it is stored: the proof that promotion can ask for. */
export interface SkewCertificate {
  readonly id: number;
  readonly model: string;
  readonly scope: Pick<AuditScope, 'version' | 'variant' | 'sample'>;
  readonly plan: Pick<AuditPlan, 'seqAfter' | 'seqTo'>;
  readonly tally: Omit<AuditTally, 'chain'>;
  readonly digest: string;
  /** Ms since the epoch. */
  readonly auditedAt: number;
}

export interface AuditedRun {
  /** Names the run: storing it again gives the certificate that is there. */
  readonly runKey: string;
  readonly model: string;
  readonly scope: AuditScope;
  readonly plan: AuditPlan;
  readonly tally: AuditTally;
  /** Who, for the ledger. */
  readonly actor: string;
  readonly requestedBy: string;
}

/** Stores a run's certificate and its ledger entry, in one transaction and once. */
export async function storeCertificate(postgres: Postgres, run: AuditedRun): Promise<SkewCertificate> {
  const { model, scope, plan, tally } = run;
  const digest = sha256Hex(canonicalJson({ model, scope, plan, tally }));
  return postgres.transaction(async (tx) => {
    const inserted = await insertCertificate(tx, run, digest);
    const stored = await findCertificate(tx, run.runKey);
    if (inserted) {
      await appendLedger(tx, {
        model,
        version: scope.version,
        actor: run.actor,
        action: 'audit',
        reason: `Audit asked for by ${run.requestedBy}: ${describeTally(tally)}.`,
        details: ledgerDetails(stored as SkewCertificate, tally),
      });
    }
    return stored as SkewCertificate;
  });
}

const ledgerDetails = ({ id, digest }: SkewCertificate, tally: AuditTally): Record<string, JsonValue> => ({
  certificate: id,
  digest,
  verdict: auditVerdict(tally),
  decisions: tally.decisions,
  values: tally.values,
  mismatched: tally.mismatched,
  stale: tally.stale,
});

async function insertCertificate(tx: Queryable, run: AuditedRun, digest: string): Promise<boolean> {
  const { scope, plan, tally } = run;
  const continuous = scope.version === null && scope.variant === null && scope.from === null && scope.to === null;
  const rows = await tx.query(
    `INSERT INTO millrace.skew_certificates (run_key, model, version, variant, decided_from, decided_to, seq_after, seq_to,
       continuous, sample, decisions, skipped, pending, values_compared, mismatched, stale, stale_ahead, stale_decisions,
       mismatches, mismatched_features, stale_features, digest, replayed_features)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)
     ON CONFLICT (run_key) DO NOTHING RETURNING id`,
    [
      run.runKey,
      run.model,
      scope.version,
      scope.variant,
      tally.from === null ? null : new Date(tally.from),
      tally.to === null ? null : new Date(tally.to),
      plan.seqAfter,
      plan.seqTo,
      continuous,
      scope.sample,
      tally.decisions,
      tally.skipped,
      tally.pending,
      tally.values,
      tally.mismatched,
      tally.stale,
      tally.staleAhead,
      tally.staleDecisions,
      JSON.stringify(tally.mismatches),
      JSON.stringify(tally.mismatchedFeatures),
      JSON.stringify(tally.staleFeatures),
      digest,
      JSON.stringify(tally.replayedFeatures),
    ],
  );
  return rows.length > 0;
}

interface CertificateRow {
  readonly id: number;
  readonly model: string;
  readonly version: number | null;
  readonly variant: AuditScope['variant'];
  readonly decided_from: Date | null;
  readonly decided_to: Date | null;
  readonly seq_after: number;
  readonly seq_to: number;
  readonly sample: number | null;
  readonly decisions: number;
  readonly skipped: number;
  readonly pending: number;
  readonly values_compared: number;
  readonly mismatched: number;
  readonly stale: number;
  readonly stale_ahead: number;
  readonly stale_decisions: number;
  readonly mismatches: AuditTally['mismatches'];
  readonly mismatched_features: AuditTally['mismatchedFeatures'];
  readonly stale_features: AuditTally['staleFeatures'];
  readonly replayed_features: AuditTally['replayedFeatures'];
  readonly digest: string;
  readonly audited_at: Date;
}

/** The certificate that a run stored, or null. */
export async function findCertificate(db: Queryable, runKey: string): Promise<SkewCertificate | null> {
  const [row] = await db.query<CertificateRow>(
    `SELECT id::float8 AS id, model, version, variant, decided_from, decided_to, seq_after::float8 AS seq_after,
       seq_to::float8 AS seq_to, sample, decisions, skipped, pending, values_compared::float8 AS values_compared,
       mismatched::float8 AS mismatched, stale::float8 AS stale, stale_ahead::float8 AS stale_ahead, stale_decisions, mismatches, mismatched_features,
       stale_features, replayed_features, digest, audited_at
     FROM millrace.skew_certificates WHERE run_key = $1`,
    [runKey],
  );
  return row === undefined ? null : toCertificate(row);
}

function toCertificate(row: CertificateRow): SkewCertificate {
  return {
    id: row.id,
    model: row.model,
    scope: { version: row.version, variant: row.variant, sample: row.sample },
    plan: { seqAfter: row.seq_after, seqTo: row.seq_to },
    tally: {
      decisions: row.decisions,
      skipped: row.skipped,
      pending: row.pending,
      values: row.values_compared,
      mismatched: row.mismatched,
      stale: row.stale,
      staleAhead: row.stale_ahead,
      staleDecisions: row.stale_decisions,
      mismatches: row.mismatches,
      mismatchedFeatures: row.mismatched_features,
      staleFeatures: row.stale_features,
      replayedFeatures: row.replayed_features,
      from: row.decided_from?.getTime() ?? null,
      to: row.decided_to?.getTime() ?? null,
    },
    digest: row.digest,
    auditedAt: row.audited_at.getTime(),
  };
}

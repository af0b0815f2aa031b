import type { AuditCursor, AuditPlan, AuditScope } from '../contracts/audit.ts';
import type { ViewRead } from '../contracts/decision.ts';
import type { Row } from '../define/field.ts';
import type { Postgres, Queryable } from '../infra/postgres.ts';

/** A served decision as an audit needs it. */
export interface ServedDecision {
  readonly seq: number;
  readonly id: string;
  readonly version: number;
  /** Ms since the epoch. */
  readonly asOf: number;
  readonly numbers: Float32Array;
  readonly categories: readonly (string | null)[];
  readonly instance: Row;
  readonly reads: readonly ViewRead[];
  /** Digest of the feature service that its version was trained with; null where the version is not registered. */
  readonly serviceDigest: string | null;
}

/** Longest wait for decisions that are being stored. */
const STORING_MS_MAX = 5_000;

/** Draws the decisions of an audit: it and every later page see the same ones. @throws MillraceError STORE_UNAVAILABLE */
export async function planAudit(
  db: Postgres,
  model: string,
  scope: AuditScope,
  seed: string,
): Promise<AuditPlan> {
  const [last] = await db.query<{ to: number }>(
    'SELECT coalesce(max(seq_to), 0)::float8 AS to FROM millrace.skew_certificates WHERE model = $1 AND continuous',
    [model],
  );
  const plan = { seqAfter: scope.sinceLast ? (last?.to ?? 0) : 0, seqTo: await newestStored(db), seed, drawnTo: null };
  const values = scopeValues(model, scope, plan);
  if (scope.sample === null) {
    const [all] = await db.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM millrace.decisions d WHERE ${scopeSql}`,
      values,
    );
    return { ...plan, decisions: all?.count ?? 0 };
  }
  const [drawn] = await db.query<{ count: number; last: string | null }>(
    `SELECT count(*)::int AS count, max(hash) AS last FROM (
       SELECT md5(d.id || $9) AS hash FROM millrace.decisions d WHERE ${scopeSql} ORDER BY 1 LIMIT $10) AS drawn`,
    [...values, scope.sample],
  );
  return { ...plan, drawnTo: drawn?.last ?? null, decisions: drawn?.count ?? 0 };
}

/**
 * The number up to which all decisions are stored that ever will be. Writers take theirs before they commit: without waiting for
 * them, a lower one that is stored a moment later would be in this audit and in no later one.
 */
const newestStored = (db: Postgres): Promise<number> =>
  db.transaction(async (tx) => {
    await tx.query(`SET LOCAL lock_timeout = ${STORING_MS_MAX}`);
    await tx.query('LOCK TABLE millrace.decisions IN SHARE MODE');
    const [row] = await tx.query<{ seq: number }>('SELECT coalesce(max(seq), 0)::float8 AS seq FROM millrace.decisions');
    return row?.seq ?? 0;
  });

interface DecisionRow {
  readonly seq: number;
  readonly id: string;
  readonly version: number;
  readonly as_of: number;
  readonly numbers: Buffer;
  readonly categories: (string | null)[];
  readonly instance: Row;
  readonly reads: ViewRead[];
  readonly service_digest: string | null;
}

/** The next decisions of an audit in order of decision time, so that a page's reads lie near one another. */
export async function readServedDecisions(
  db: Queryable,
  model: string,
  scope: AuditScope,
  plan: AuditPlan,
  cursor: AuditCursor | null,
  rowsMax: number,
): Promise<ServedDecision[]> {
  const rows = await db.query<DecisionRow>(
    `SELECT d.seq::float8 AS seq, d.id, d.version, (extract(epoch FROM d.as_of) * 1000)::float8 AS as_of, d.numbers,
       d.body->'categories' AS categories, d.body->'instance' AS instance, d.body->'reads' AS reads,
       v.signature->>'serviceDigest' AS service_digest
     FROM millrace.decisions d
     LEFT JOIN millrace.model_versions v ON v.model = d.model AND v.version = d.version
     WHERE ${scopeSql}
       AND ($10::float8 IS NULL OR (d.as_of, d.seq) > (to_timestamp($10::float8 / 1000), $11::bigint))
     ORDER BY d.as_of, d.seq LIMIT $12`,
    [...scopeValues(model, scope, plan), cursor?.asOf ?? null, cursor?.seq ?? null, rowsMax],
  );
  return rows.map(({ as_of: asOf, service_digest: serviceDigest, numbers, ...row }) => ({
    ...row,
    asOf,
    serviceDigest,
    numbers: float32sOf(numbers),
  }));
}

const scopeSql = `d.model = $1 AND d.seq > $2 AND d.seq <= $3
  AND ($4::int IS NULL OR d.version = $4) AND ($5::text IS NULL OR d.variant = $5)
  AND ($6::float8 IS NULL OR d.as_of >= to_timestamp($6::float8 / 1000))
  AND ($7::float8 IS NULL OR d.as_of < to_timestamp($7::float8 / 1000))
  AND ($8::text IS NULL OR md5(d.id || $9::text) <= $8)`;

const scopeValues = (model: string, scope: AuditScope, plan: AuditPlan) => [
  model,
  plan.seqAfter,
  plan.seqTo,
  scope.version,
  scope.variant,
  scope.from,
  scope.to,
  plan.drawnTo,
  plan.seed,
];

/** Little-endian float32, wherever the bytes lie. */
function float32sOf(bytes: Buffer): Float32Array {
  const numbers = new Float32Array(Math.floor(bytes.byteLength / Float32Array.BYTES_PER_ELEMENT));
  for (let i = 0; i < numbers.length; i++) numbers[i] = bytes.readFloatLE(i * Float32Array.BYTES_PER_ELEMENT);
  return numbers;
}

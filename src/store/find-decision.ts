import type { Decision } from '../contracts/decision.ts';
import type { Queryable } from '../infra/postgres.ts';

type Body = Pick<Decision, 'digest' | 'unit' | 'instance' | 'categories' | 'reads' | 'latencyMs'>;

interface DecisionRow extends Pick<Decision, 'id' | 'model' | 'version' | 'variant' | 'score'> {
  readonly example_id: string | null;
  readonly as_of: Date;
  readonly served_at: Date;
  readonly shadow_version: number | null;
  readonly shadow_score: number | null;
  readonly numbers: Buffer;
  readonly body: Body;
}

/** A stored decision by its id, or null. */
export async function findDecision(db: Queryable, id: string): Promise<Decision | null> {
  const [row] = await db.query<DecisionRow>(
    `SELECT id, model, version, variant, example_id, as_of, served_at, score, shadow_version, shadow_score, numbers, body
     FROM millrace.decisions WHERE id = $1`,
    [id],
  );
  if (row === undefined) return null;
  const { shadow_version: version, shadow_score: score } = row;
  return {
    id: row.id,
    model: row.model,
    version: row.version,
    digest: row.body.digest,
    variant: row.variant,
    ...(row.body.unit === undefined ? {} : { unit: row.body.unit }),
    exampleId: row.example_id,
    asOf: row.as_of.getTime(),
    servedAt: row.served_at.getTime(),
    instance: row.body.instance,
    numbers: row.numbers.toString('base64'),
    categories: row.body.categories,
    reads: row.body.reads,
    score: row.score,
    shadow: version === null || score === null ? null : { version, score },
    latencyMs: row.body.latencyMs,
  };
}

import type { Decision } from '../contracts/decision.ts';
import type { Model } from '../define/model.ts';
import { quoteIdentifier, type Queryable } from '../infra/postgres.ts';
import { logTable } from './log-table.ts';

/** A decision in a list: what it answered, and what came of it. */
export interface DecisionSummary {
  /** Order of arrival; where the next page goes on. */
  readonly seq: number;
  readonly id: string;
  readonly version: number;
  readonly variant: Decision['variant'];
  readonly exampleId: string | null;
  /** Milliseconds since the epoch, as `servedAt`. */
  readonly asOf: number;
  readonly servedAt: number;
  readonly score: number;
  readonly shadowVersion: number | null;
  readonly shadowScore: number | null;
  readonly totalMs: number | null;
  /** Null while it is not known. */
  readonly label: boolean | null;
}

/**
 * The newest decisions of a model, newest first, each with its example's first label.
 * @param before only decisions with a smaller number: where the next page goes on
 */
export async function listDecisions(
  db: Queryable,
  model: Model,
  limit: number,
  before: number | null = null,
): Promise<DecisionSummary[]> {
  const { id, value } = labelNames(model);
  return db.query<DecisionSummary>(
    `SELECT d.seq::float8 AS seq, d.id, d.version, d.variant, d.example_id AS "exampleId",
            (extract(epoch FROM d.as_of) * 1000)::float8 AS "asOf",
            (extract(epoch FROM d.served_at) * 1000)::float8 AS "servedAt",
            d.score, d.shadow_version AS "shadowVersion", d.shadow_score AS "shadowScore",
            (d.body->'latencyMs'->>'total')::float8 AS "totalMs", l.label
       FROM (SELECT * FROM millrace.decisions
              WHERE model = $1 AND ($3::bigint IS NULL OR seq < $3) ORDER BY seq DESC LIMIT $2) d
       LEFT JOIN LATERAL (
         SELECT (array_agg(${value} ORDER BY known_time, source_partition, source_offset))[1] AS label FROM ${logTable(model.label.source.name)}
          WHERE ${id} = d.example_id AND ${value} IS NOT NULL
       ) l ON true
      ORDER BY d.seq DESC`,
    [model.name, limit, before],
  );
}

/** The first label of an example; null while none is known. */
export async function findLabel(db: Queryable, model: Model, exampleId: string): Promise<boolean | null> {
  const { id, value } = labelNames(model);
  const [row] = await db.query<{ label: boolean | null }>(
    `SELECT (array_agg(${value} ORDER BY known_time, source_partition, source_offset))[1] AS label FROM ${logTable(model.label.source.name)}
      WHERE ${id} = $1 AND ${value} IS NOT NULL`,
    [exampleId],
  );
  return row?.label ?? null;
}

const labelNames = ({ label }: Model) => ({
  id: quoteIdentifier(label.id),
  value: quoteIdentifier(label.value),
});

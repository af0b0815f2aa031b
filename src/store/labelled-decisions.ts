import type { Model } from '../define/model.ts';
import { quoteIdentifier, type Queryable } from '../infra/postgres.ts';

/** A decision whose label is known. */
export interface LabelledDecision {
  /** Order of arrival; where the next page goes on. */
  readonly seq: string;
  /** `'2013-04'`: month of the decision time, UTC. */
  readonly month: string;
  readonly version: number;
  readonly score: number;
  /** Little-endian float32, in signature order. */
  readonly numbers: Buffer;
  readonly categories: readonly (string | null)[];
  readonly label: boolean;
}

/** Decisions of a model that are stored. */
export async function countDecisions(db: Queryable, model: string): Promise<number> {
  const [row] = await db.query<{ n: number }>('SELECT count(*)::float8 AS n FROM millrace.decisions WHERE model = $1', [model]);
  return row?.n ?? 0;
}

/**
 * One page of labelled decisions in order of arrival, after `seq`. What was asked for twice counts each
 * time: each answer was served.
 */
export function readLabelledDecisions(
  db: Queryable,
  model: Model,
  after: string,
  rowsMax: number,
): Promise<LabelledDecision[]> {
  const { source, id, value } = model.label;
  const label = `l.${quoteIdentifier(value)}`;
  return db.query<LabelledDecision>(
    `SELECT d.seq::text AS seq, to_char(d.as_of, 'YYYY-MM') AS month, d.version, d.score, d.numbers,
       d.body->'categories' AS categories, ${label} AS label
     FROM millrace.decisions d
     JOIN log.${quoteIdentifier(source.name)} l ON l.${quoteIdentifier(id)} = d.example_id
     WHERE d.model = $1 AND d.seq > $2 AND ${label} IS NOT NULL
     ORDER BY d.seq LIMIT $3`,
    [model.name, after, rowsMax],
  );
}

import type { Queryable } from '../infra/postgres.ts';
import type { MonitoredModel } from './monitored-model.ts';

/** Champion answers of one window, with the labels that are known. */
export interface WindowRow {
  readonly version: number;
  readonly score: number;
  /** Little-endian float32, in signature order. */
  readonly numbers: Buffer;
  readonly categories: readonly (string | null)[];
  readonly label: boolean | null;
}

/** A window with more decisions is judged by this many of them, drawn by id, which is random. */
const WINDOW_ROWS_MAX = 100_000;

/**
 * The control of an experiment stands for the champion, which may have no traffic of its own meanwhile. The first label of an example counts. Taken by an aggregate, because ORDER BY and LIMIT would tempt the
 * planner of a table without statistics to walk the whole log in order of time for each decision.
 */
export function readWindow(db: Queryable, model: MonitoredModel, from: number, to: number): Promise<WindowRow[]> {
  const { table, id, value } = model.label;
  return db.query<WindowRow>(
    `SELECT d.version, d.score, d.numbers, d.body->'categories' AS categories, l.label
     FROM millrace.decisions d
     LEFT JOIN LATERAL (
       SELECT (array_agg(${value} ORDER BY known_time))[1] AS label FROM ${table}
       WHERE ${id} = d.example_id AND ${value} IS NOT NULL
     ) l ON true
     WHERE d.model = $1 AND (d.variant = 'champion' OR d.variant IN (SELECT name || '/' || (experiment->>'control') FROM millrace.experiments WHERE model = $1))
       AND d.as_of >= $2 AND d.as_of < $3
     ORDER BY d.id LIMIT $4`,
    [model.name, new Date(from), new Date(to), WINDOW_ROWS_MAX],
  );
}

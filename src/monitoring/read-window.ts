import type { Queryable } from '../infra/postgres.ts';
import { joinLabelSql } from './label-sql.ts';
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

/** A window with more decisions is judged by this many of them, drawn by a hash: ids are in the order of time. */
const WINDOW_ROWS_MAX = 100_000;

/**
 * Decisions that model $1 is judged by. The control of an experiment stands for the champion, which may have no traffic of its own
 * meanwhile.
 */
export const CHAMPIONS_SQL = `(variant = 'champion' OR variant IN (SELECT name || '/' || (experiment->>'control') FROM millrace.experiments WHERE model = $1))`;

export function readWindow(db: Queryable, model: MonitoredModel, from: number, to: number, rowsMax = WINDOW_ROWS_MAX): Promise<WindowRow[]> {
  return db.query<WindowRow>(
    `SELECT d.version, d.score, d.numbers, d.body->'categories' AS categories, l.label
     FROM (
       SELECT id FROM millrace.decisions
       WHERE model = $1 AND ${CHAMPIONS_SQL} AND as_of >= $2 AND as_of < $3
       ORDER BY md5(id) LIMIT $4
     ) AS drawn
     JOIN millrace.decisions d USING (id)
     ${joinLabelSql(model.label)}`,
    [model.name, new Date(from), new Date(to), rowsMax],
  );
}

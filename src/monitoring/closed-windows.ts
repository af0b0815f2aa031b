import type { Queryable } from '../infra/postgres.ts';
import type { MonitoredModel } from './monitored-model.ts';
import { CHAMPIONS_SQL } from './read-window.ts';

export interface WindowSpan {
  readonly from: number;
  readonly to: number;
}

/** Windows of one run; the rest is for the next one. */
const WINDOWS_MAX = 60;

/**
 * How far the labels are known: every partition that has events has got here. Null before any came.
 */
export async function knownUntil(db: Queryable, source: string): Promise<number | null> {
  const [row] = await db.query<{ known: number | null }>(
    `SELECT (extract(epoch FROM min(newest_known_time)) * 1000)::float8 AS known
     FROM millrace.ingest_positions WHERE source = $1`,
    [source],
  );
  return row?.known ?? null;
}

/**
 * Event-time windows with decisions to judge whose labels have had time to mature and that have no report yet,
 * oldest first. Windows lie on multiples of their length since the epoch.
 */
export async function closedWindows(db: Queryable, model: MonitoredModel, known: number): Promise<WindowSpan[]> {
  const { windowMs } = model;
  const closedTo = Math.floor((known - model.labelDelayMs) / windowMs) * windowMs;
  const [newest] = await db.query<{ to: number | null }>(
    `SELECT (extract(epoch FROM max(window_to)) * 1000)::float8 AS to FROM millrace.monitor_reports WHERE model = $1`,
    [model.name],
  );
  const rows = await db.query<{ index: number }>(
    `SELECT DISTINCT floor(extract(epoch FROM as_of) * 1000 / $3::float8)::float8 AS index
     FROM millrace.decisions WHERE model = $1 AND ${CHAMPIONS_SQL} AND as_of >= $2 AND as_of < $4 ORDER BY index LIMIT $5`,
    [model.name, new Date(newest?.to ?? 0), windowMs, new Date(closedTo), WINDOWS_MAX],
  );
  return rows.map(({ index }) => ({ from: index * windowMs, to: (index + 1) * windowMs }));
}

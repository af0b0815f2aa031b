import type { Queryable } from '../infra/postgres.ts';

/** A serving process that has not reported for this long is taken to have ended. */
export const SERVING_SILENCE_MS = 10_000;

export interface ServingReport {
  /** Unique per process: host, pid and start. */
  readonly process: string;
  readonly model: string;
  /** Revision of the allocation that it follows now; 0 where there is none. */
  readonly revision: number;
  /** Versions that are loaded, verified and warm. */
  readonly loaded: readonly number[];
  readonly rejected: readonly { readonly version: number; readonly reason: string }[];
  /** Failed answers of each version since the process started. */
  readonly errors?: readonly { readonly version: number; readonly count: number }[];
}

export async function reportServing(db: Queryable, report: ServingReport): Promise<void> {
  await db.query(
    `INSERT INTO millrace.serving_status (process, model, revision, loaded, rejected, errors)
     VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (process, model) DO UPDATE SET revision = excluded.revision, loaded = excluded.loaded,
       rejected = excluded.rejected, errors = excluded.errors, reported_at = now()`,
    [
      report.process,
      report.model,
      report.revision,
      report.loaded,
      JSON.stringify(report.rejected),
      JSON.stringify(report.errors ?? []),
    ],
  );
}

/** A process that ends in order takes its report with it. */
export async function withdrawServing(db: Queryable, process: string): Promise<void> {
  await db.query('DELETE FROM millrace.serving_status WHERE process = $1', [process]);
}

/** Reports of the processes that serve the model now. */
export async function liveServing(db: Queryable, model: string): Promise<Required<ServingReport>[]> {
  return db.query<Required<ServingReport>>(
    `SELECT process, model, revision, loaded, rejected, errors FROM millrace.serving_status
     WHERE model = $1 AND reported_at > now() - $2::int * interval '1 millisecond' ORDER BY process`,
    [model, SERVING_SILENCE_MS],
  );
}

/** Failed answers of a version by process, as last reported, of processes that fell silent too; those without any are not there. */
export async function servingErrors(db: Queryable, model: string, version: number): Promise<Record<string, number>> {
  const rows = await db.query<{ process: string; count: number }>(
    `SELECT process, (e->>'count')::float8 AS count FROM millrace.serving_status, jsonb_array_elements(errors) AS e
     WHERE model = $1 AND (e->>'version')::int = $2 AND (e->>'count')::float8 > 0`,
    [model, version],
  );
  return Object.fromEntries(rows.map(({ process, count }) => [process, count]));
}

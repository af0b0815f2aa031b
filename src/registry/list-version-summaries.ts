import type { Lineage, SliceMetrics } from '../contracts/model-bundle.ts';
import type { Queryable } from '../infra/postgres.ts';

/** A version without its signature, its files and the slices of its evaluation: what a list shows. */
export interface VersionSummary {
  readonly version: number;
  readonly digest: string;
  readonly registeredBy: string;
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly registeredAt: number;
  readonly lineage: Lineage;
  /** On the hold-out; null where an imported version could not be evaluated. */
  readonly candidate: SliceMetrics | null;
  /** The champion of that time on the same hold-out; null for the first version. */
  readonly champion: SliceMetrics | null;
  readonly championVersion: number | null;
  readonly exportParity: number | null;
}

/** The newest versions of a model, newest first. */
export async function listVersionSummaries(
  db: Queryable,
  model: string,
  limit: number,
): Promise<VersionSummary[]> {
  return db.query<VersionSummary>(
    `SELECT version, digest, registered_by AS "registeredBy", reason,
            (extract(epoch FROM registered_at) * 1000)::float8 AS "registeredAt", lineage,
            metrics->'candidate'->'overall' AS candidate,
            metrics->'champion'->'overall' AS champion,
            (metrics->>'championVersion')::int AS "championVersion",
            (metrics->>'exportParity')::float8 AS "exportParity"
       FROM millrace.model_versions WHERE model = $1 ORDER BY version DESC LIMIT $2`,
    [model, limit],
  );
}

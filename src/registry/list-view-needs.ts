import type { Queryable } from '../infra/postgres.ts';
import { previousChampion } from './previous-champion.ts';

/** A model version that reads versions of views, and why it must go on reading them. */
export interface ViewNeed {
  readonly model: string;
  readonly modelVersion: number;
  readonly why: 'champion' | 'canary' | 'shadow' | 'arm' | 'rollback' | 'recent';
  /** View name -> version. */
  readonly views: Readonly<Record<string, number>>;
}

interface VersionRow {
  readonly model: string;
  readonly version: number;
  readonly registered: number;
  readonly champion: number | null;
  readonly canary: number | null;
  readonly shadow: number | null;
  readonly arms: readonly number[];
  readonly views: Readonly<Record<string, number>>;
}

/** Model versions that are looked at, the newest of each model. */
const VERSIONS_MAX = 200;

/**
 * What pins versions of views: allocations, the champion that a rollback goes to, and model versions registered less
 * than `keepMs` ago. Newest first.
 */
export async function listViewNeeds(db: Queryable, keepMs: number, now: number): Promise<ViewNeed[]> {
  // A signature names the views that it is given; its service also those that only on-demand features read.
  const rows = await db.query<VersionRow>(
    `SELECT v.model, v.version, (extract(epoch FROM v.registered_at) * 1000)::float8 AS registered,
       a.champion, a.canary_version AS canary, a.shadow,
       ARRAY(SELECT (arm->>'version')::int FROM jsonb_array_elements(a.experiment->'arms') AS arm) AS arms,
       coalesce((SELECT jsonb_object_agg(e->>'name', (e->>'version')::int)
                 FROM millrace.service_definitions s, jsonb_array_elements(s.definition->'views') AS e
                 WHERE s.digest = v.signature->>'serviceDigest'), v.signature->'viewVersions') AS views
     FROM (SELECT *, row_number() OVER (PARTITION BY model ORDER BY version DESC) AS nth FROM millrace.model_versions) AS v
     LEFT JOIN millrace.allocations a ON a.model = v.model
     WHERE v.nth <= $1 OR v.version IN (a.champion, a.canary_version, a.shadow)
       OR v.version IN (SELECT (arm->>'version')::int FROM jsonb_array_elements(a.experiment->'arms') AS arm)
     ORDER BY v.model, v.version DESC`,
    [VERSIONS_MAX],
  );
  const previous = new Map<string, number | null>();
  for (const model of new Set(rows.map((row) => row.model)))
    previous.set(model, await previousChampion(db, model));
  return rows.flatMap(({ model, version, views, ...row }): ViewNeed[] => {
    const why =
      version === row.champion
        ? 'champion'
        : version === row.canary
          ? 'canary'
          : version === row.shadow
            ? 'shadow'
            : row.arms.includes(version)
              ? 'arm'
            : version === previous.get(model)
              ? 'rollback'
              : row.registered > now - keepMs
                ? 'recent'
                : null;
    return why === null ? [] : [{ model, modelVersion: version, why, views }];
  });
}

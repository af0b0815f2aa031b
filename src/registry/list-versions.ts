import type { Queryable } from '../infra/postgres.ts';
import { modelVersionColumns, toModelVersion, type ModelVersion, type ModelVersionRow } from './model-version.ts';

const VERSIONS_MAX = 1_000;

/** The newest versions of a model, newest first; at most 1,000. */
export async function listVersions(db: Queryable, model: string): Promise<ModelVersion[]> {
  const rows = await db.query<ModelVersionRow>(
    `SELECT ${modelVersionColumns} FROM millrace.model_versions WHERE model = $1 ORDER BY version DESC LIMIT $2`,
    [model, VERSIONS_MAX],
  );
  return rows.map(toModelVersion);
}

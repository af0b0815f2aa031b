import { MillraceError } from '../core/millrace-error.ts';
import type { Queryable } from '../infra/postgres.ts';
import { modelVersionColumns, toModelVersion, type ModelVersion, type ModelVersionRow } from './model-version.ts';

/** @throws MillraceError MODEL_VERSION_NOT_FOUND */
export async function getVersion(db: Queryable, model: string, version: number): Promise<ModelVersion> {
  const [row] = await db.query<ModelVersionRow>(
    `SELECT ${modelVersionColumns} FROM millrace.model_versions WHERE model = $1 AND version = $2`,
    [model, version],
  );
  if (row !== undefined) return toModelVersion(row);
  const [newest] = await db.query<{ version: number | null }>(
    'SELECT max(version) AS version FROM millrace.model_versions WHERE model = $1',
    [model],
  );
  const found = newest?.version === null || newest === undefined ? 'it has no versions yet' : `its newest is ${newest.version}`;
  throw new MillraceError(
    'MODEL_VERSION_NOT_FOUND',
    `Model '${model}' has no version ${version}: ${found}. 'millrace models ${model}' lists them.`,
  );
}

/** The version that an attempt registered under its key, or null. */
export async function findVersionByKey(db: Queryable, model: string, key: string): Promise<ModelVersion | null> {
  const [row] = await db.query<ModelVersionRow>(
    `SELECT ${modelVersionColumns} FROM millrace.model_versions WHERE model = $1 AND registration_key = $2`,
    [model, key],
  );
  return row === undefined ? null : toModelVersion(row);
}

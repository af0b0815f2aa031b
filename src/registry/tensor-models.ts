import { MillraceError } from '../core/millrace-error.ts';
import type { Queryable } from '../infra/postgres.ts';

/** What stands in place of a definition for a model that no project defines. */
const TENSORS_KIND = 'tensors';

/** Models without a feature service, by name. */
export async function listTensorModels(db: Queryable): Promise<string[]> {
  const rows = await db.query<{ name: string }>(
    "SELECT name FROM millrace.models WHERE definition->>'kind' = $1 ORDER BY name",
    [TENSORS_KIND],
  );
  return rows.map(({ name }) => name);
}

/** Makes a model without a feature service known. @throws MillraceError MODEL_IMPORT_INVALID where a project's has the name */
export async function registerTensorModel(db: Queryable, name: string): Promise<void> {
  await db.query('INSERT INTO millrace.models (name, definition) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING', [
    name,
    JSON.stringify({ kind: TENSORS_KIND }),
  ]);
  if ((await listTensorModels(db)).includes(name)) return;
  throw new MillraceError(
    'MODEL_IMPORT_INVALID',
    `Model '${name}' has a feature service in its project, so a file with tensors of its own can't be a version of it. Give another name, or leave --tensors away.`,
  );
}

/** Models without a feature service leave no decisions: a rollout would wait for evidence that never comes. @throws MillraceError REQUEST_INVALID */
export async function assertJudged(db: Queryable, model: string, version: number): Promise<void> {
  if (!(await listTensorModels(db)).includes(model)) return;
  throw new MillraceError(
    'REQUEST_INVALID',
    `Rollout of '${model}' version ${version}: the model has no feature service, so no decisions, and nothing to judge a version by. Use 'millrace promote ${model} ${version}', and 'millrace rollback ${model}' to go back.`,
  );
}

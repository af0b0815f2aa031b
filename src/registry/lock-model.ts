import { MillraceError } from '../core/millrace-error.ts';
import type { Queryable } from '../infra/postgres.ts';

/**
 * Puts changes of one model in order until the transaction ends.
 * @throws MillraceError MODEL_NOT_FOUND
 */
export async function lockModel(tx: Queryable, model: string): Promise<void> {
  const rows = await tx.query('SELECT name FROM millrace.models WHERE name = $1 FOR UPDATE', [model]);
  if (rows.length > 0) return;
  throw new MillraceError(
    'MODEL_NOT_FOUND',
    `Model '${model}' is not registered. Define it in the project and run 'millrace apply'; 'millrace models' lists what is registered.`,
  );
}

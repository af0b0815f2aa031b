import type { JsonValue } from '../core/json.ts';
import type { Queryable } from '../infra/postgres.ts';

/** Makes a model known, or replaces its definition. */
export async function registerModel(db: Queryable, name: string, definition: JsonValue): Promise<void> {
  await db.query(
    `INSERT INTO millrace.models (name, definition) VALUES ($1, $2)
     ON CONFLICT (name) DO UPDATE SET definition = excluded.definition`,
    [name, JSON.stringify(definition)],
  );
}

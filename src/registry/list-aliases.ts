import type { Queryable } from '../infra/postgres.ts';

export interface AliasPointer {
  readonly alias: 'champion' | 'challenger';
  readonly version: number;
  /** Milliseconds since the epoch. */
  readonly movedAt: number;
}

/** Where the aliases of a model point. */
export async function listAliases(db: Queryable, model: string): Promise<AliasPointer[]> {
  return db.query<AliasPointer>(
    `SELECT alias, version, (extract(epoch FROM moved_at) * 1000)::float8 AS "movedAt"
       FROM millrace.aliases WHERE model = $1 ORDER BY alias`,
    [model],
  );
}

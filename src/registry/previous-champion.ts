import type { Queryable } from '../infra/postgres.ts';

export interface ChampionChange {
  readonly champion: number | null;
  readonly action: string;
}

/** Changes that are looked at, newest ones; a champion further back is not rolled back to unasked. */
const CHANGES_MAX = 1_000;

/**
 * The champion before the present one that was not itself rolled back. A rollback takes everything
 * above its target off the pile; any other change puts the new champion on top.
 */
export function previousChampionOf(changes: readonly ChampionChange[]): number | null {
  let pile: number[] = [];
  for (const { champion, action } of changes) {
    if (champion === null || champion === pile.at(-1)) continue;
    const at = pile.lastIndexOf(champion);
    if (action === 'rollback' && at >= 0) pile = pile.slice(0, at + 1);
    else if (action === 'rollback') pile = [...pile.slice(0, -1), champion];
    else pile = [...pile.filter((version) => version !== champion), champion];
  }
  return pile.at(-2) ?? null;
}

export async function previousChampion(db: Queryable, model: string): Promise<number | null> {
  const rows = await db.query<ChampionChange>(
    `SELECT (details->>'champion')::int AS champion, action FROM millrace.ledger
     WHERE model = $1 AND details ? 'revision' AND details->'champion' IS DISTINCT FROM details->'previousChampion'
     ORDER BY seq DESC LIMIT $2`,
    [model, CHANGES_MAX],
  );
  return previousChampionOf(rows.reverse());
}

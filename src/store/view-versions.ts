import type { Queryable } from '../infra/postgres.ts';

/**
 * `building`: applied, its topic is there, ingest begins to send it frames. `backfilling`: its states are made from the
 * offline log. `comparing`: it folds live and is held against the raw rows. `current`: what training and online
 * reads take. `retiring`: folded on, for the model versions that read it. `gone`: nothing of it runs any more.
 */
export type ViewVersionState = 'building' | 'backfilling' | 'comparing' | 'current' | 'retiring' | 'gone';

export interface ViewVersion {
  readonly name: string;
  readonly version: number;
  readonly state: ViewVersionState;
  /** When it came into its state, ms since the epoch. */
  readonly since: number;
  /** Of one that is gone: topic and states are removed too. */
  readonly removed: boolean;
  /** Since it last came in: its states were held against the raw rows then, and were kept up. */
  readonly wasCurrent: boolean;
}

export interface ViewVersionChange {
  readonly at: number;
  readonly name: string;
  readonly version: number;
  readonly fromState: ViewVersionState | null;
  readonly toState: ViewVersionState;
  readonly actor: string;
  readonly reason: string;
}

/** Who changes something, and why. */
export interface ChangeNote {
  readonly actor: string;
  readonly reason: string;
}

type Named = Pick<ViewVersion, 'name' | 'version'>;

const APPLY_LOCK = 5_237_119;

/** Puts in order, until the transaction ends, all that brings versions of views in or takes them out. */
export async function lockViews(tx: Queryable): Promise<void> {
  await tx.query('SELECT pg_advisory_xact_lock($1)', [APPLY_LOCK]);
}

/** States whose versions are still on their way to being current. */
export const unfinishedStates: readonly ViewVersionState[] = ['building', 'backfilling', 'comparing'];

const SELECT_VERSIONS = `SELECT name, version, state, (extract(epoch FROM since) * 1000)::float8 AS since,
    removed_at IS NOT NULL AS removed,
    coalesce((SELECT c.to_state = 'current' FROM millrace.view_version_changes c
      WHERE c.name = v.name AND c.version = v.version AND c.to_state IN ('building', 'current')
      ORDER BY c.seq DESC LIMIT 1), false) AS "wasCurrent"
  FROM millrace.view_versions v`;

export async function readViewVersions(db: Queryable): Promise<ViewVersion[]> {
  return db.query<ViewVersion>(`${SELECT_VERSIONS} ORDER BY name, version`);
}

export async function readViewChanges(db: Queryable, limit: number): Promise<ViewVersionChange[]> {
  return db.query<ViewVersionChange>(
    `SELECT (extract(epoch FROM at) * 1000)::float8 AS at, name, version, from_state AS "fromState",
       to_state AS "toState", actor, reason
     FROM millrace.view_version_changes ORDER BY seq DESC LIMIT $1`,
    [limit],
  );
}

/** Brings a version in, or back; one that is there and not gone stays as it is. */
export async function addViewVersion(
  tx: Queryable,
  { name, version }: Named,
  state: 'building' | 'current',
  note: ChangeNote,
): Promise<void> {
  const added = await tx.query<{ came_back: boolean }>(
    `INSERT INTO millrace.view_versions AS v (name, version, state) VALUES ($1, $2, $3)
     ON CONFLICT (name, version) DO UPDATE SET state = excluded.state, since = now(), removed_at = NULL
     WHERE v.state = 'gone' RETURNING xmax <> 0 AS came_back`,
    [name, version, state],
  );
  const [row] = added;
  if (row !== undefined)
    await noteChange(tx, { name, version }, row.came_back ? 'gone' : null, state, note);
}

/** A version as it is, held until the transaction ends. */
export async function lockViewVersion(tx: Queryable, { name, version }: Named): Promise<ViewVersion | undefined> {
  const [row] = await tx.query<ViewVersion>(`${SELECT_VERSIONS} WHERE name = $1 AND version = $2 FOR UPDATE`, [name, version]);
  return row;
}

/** Moves a version on from one of the given states. @returns false where it is in another one */
export async function moveViewVersion(
  tx: Queryable,
  of: Named,
  from: readonly ViewVersionState[],
  to: ViewVersionState,
  note: ChangeNote,
): Promise<boolean> {
  const before = await lockViewVersion(tx, of);
  if (before === undefined || !from.includes(before.state)) return false;
  await tx.query(
    'UPDATE millrace.view_versions SET state = $3, since = now() WHERE name = $1 AND version = $2',
    [of.name, of.version, to],
  );
  await noteChange(tx, of, before.state, to, note);
  return true;
}

/**
 * Makes a version the current one and the one before it retire, in the caller's transaction. One that is current
 * already stays so.
 * @returns the version that was current, null where there was none
 */
export async function flipViewVersion(
  tx: Queryable,
  of: Named,
  from: readonly ViewVersionState[],
  note: ChangeNote,
): Promise<{ flipped: boolean; before: number | null }> {
  const rows = await tx.query<Pick<ViewVersion, 'name' | 'version' | 'state'>>(
    'SELECT name, version, state FROM millrace.view_versions WHERE name = $1 ORDER BY version FOR UPDATE',
    [of.name],
  );
  const before = rows.find(({ state }) => state === 'current')?.version ?? null;
  const found = rows.find(({ version }) => version === of.version)?.state;
  if (found === undefined || !from.includes(found)) return { flipped: false, before };
  if (before !== null) {
    const reason = `version ${of.version} is current: ${note.reason}`;
    await moveViewVersion(tx, { name: of.name, version: before }, ['current'], 'retiring', { ...note, reason });
  }
  await moveViewVersion(tx, of, from, 'current', note);
  return { flipped: true, before };
}

/** The topic and the states of a version that is gone are removed. */
export async function noteViewRemoved(tx: Queryable, { name, version }: Named): Promise<void> {
  await tx.query(
    "UPDATE millrace.view_versions SET removed_at = now() WHERE name = $1 AND version = $2 AND state = 'gone'",
    [name, version],
  );
}

async function noteChange(
  tx: Queryable,
  { name, version }: Named,
  from: ViewVersionState | null,
  to: ViewVersionState,
  { actor, reason }: ChangeNote,
): Promise<void> {
  await tx.query(
    `INSERT INTO millrace.view_version_changes (name, version, from_state, to_state, actor, reason)
     VALUES ($1, $2, $3, $4, $5, $6)`,
    [name, version, from, to, actor, reason],
  );
}

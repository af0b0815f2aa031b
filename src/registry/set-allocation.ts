import type { Allocation } from '../contracts/allocation.ts';
import type { PlannedExperiment } from '../contracts/experiment.ts';
import type { JsonValue } from '../core/json.ts';
import { MillraceError } from '../core/millrace-error.ts';
import type { Postgres, Queryable } from '../infra/postgres.ts';
import { appendLedger } from './append-ledger.ts';
import { getAllocation } from './get-allocation.ts';
import { getVersion } from './get-version.ts';
import { lockModel } from './lock-model.ts';
import { samePlan, storeExperiment } from './store-experiment.ts';

/** Postgres channel that tells serving of a change; the payload is the model's name. */
export const ALLOCATION_CHANNEL = 'millrace_allocation';

export interface AllocationChange {
  readonly model: string;
  /** The revision that the change was decided on; null: there is none yet. */
  readonly expectedRevision: number | null;
  readonly champion: number | null;
  readonly canary: { readonly version: number; readonly share: number } | null;
  readonly shadow: number | null;
  /** Absent: none. A change without the one that runs ends it. */
  readonly experiment?: PlannedExperiment | null;
  /** Of an experiment that the change ends: the arm that won. */
  readonly winner?: string | null;
  readonly actor: string;
  readonly action: string;
  readonly reason: string;
}

/**
 * Compare-and-set on the revision: allocation, aliases, ledger entry and notification in one transaction.
 * A change that is already in place (the caller did not hear the answer) gives the present allocation.
 * @throws MillraceError MODEL_NOT_FOUND, MODEL_VERSION_NOT_FOUND, REGISTRY_REVISION_CONFLICT, EXPERIMENT_INVALID, EXPERIMENT_NAME_TAKEN
 */
export function setAllocation(postgres: Postgres, change: AllocationChange): Promise<Allocation> {
  return postgres.transaction(async (tx) => {
    await lockModel(tx, change.model);
    const present = await getAllocation(tx, change.model);
    if ((present?.revision ?? null) !== change.expectedRevision) {
      if (present !== null && isRepeated(present, change)) return present;
      throw conflict(present, change);
    }
    for (const version of [change.champion, change.canary?.version, change.shadow, ...(change.experiment?.arms ?? []).map((arm) => arm.version)]) {
      if (version !== null && version !== undefined) await getVersion(tx, change.model, version);
    }
    const { experiment, ended } = await storeExperiment(tx, present?.experiment ?? null, change);
    const next: Allocation = {
      model: change.model,
      revision: (present?.revision ?? 0) + 1,
      champion: change.champion,
      canary: change.canary,
      shadow: change.shadow,
      ...(experiment === null ? {} : { experiment }),
    };
    await writeAllocation(tx, next);
    await moveAlias(tx, next.model, 'champion', next.champion);
    await moveAlias(tx, next.model, 'challenger', next.canary?.version ?? next.shadow);
    await appendLedger(tx, {
      model: change.model,
      version: change.canary?.version ?? change.shadow ?? change.champion,
      actor: change.actor,
      action: change.action,
      reason: change.reason,
      details: {
        revision: next.revision,
        champion: next.champion,
        previousChampion: present?.champion ?? null,
        canary: next.canary,
        shadow: next.shadow,
        ...(experiment === null ? {} : { experiment: experiment as unknown as JsonValue }),
        ...(ended === null ? {} : { endedExperiment: ended, winner: change.winner ?? null }),
      },
    });
    await tx.query('SELECT pg_notify($1, $2)', [ALLOCATION_CHANNEL, change.model]);
    return next;
  });
}

const isRepeated = (present: Allocation, change: AllocationChange): boolean =>
  present.revision === (change.expectedRevision ?? 0) + 1 &&
  present.champion === change.champion &&
  present.shadow === change.shadow &&
  samePlan(present.experiment ?? null, change.experiment ?? null) &&
  present.canary?.version === change.canary?.version &&
  present.canary?.share === change.canary?.share;

async function writeAllocation(tx: Queryable, next: Allocation): Promise<void> {
  await tx.query(
    `INSERT INTO millrace.allocations (model, revision, champion, canary_version, canary_share, shadow, experiment)
     VALUES ($1, $2, $3, $4, $5, $6, $7)
     ON CONFLICT (model) DO UPDATE SET revision = excluded.revision, champion = excluded.champion,
       canary_version = excluded.canary_version, canary_share = excluded.canary_share,
       shadow = excluded.shadow, experiment = excluded.experiment, changed_at = now()`,
    [
      next.model,
      next.revision,
      next.champion,
      next.canary?.version ?? null,
      next.canary?.share ?? null,
      next.shadow,
      next.experiment === undefined ? null : JSON.stringify(next.experiment),
    ],
  );
}

async function moveAlias(tx: Queryable, model: string, alias: 'champion' | 'challenger', version: number | null): Promise<void> {
  if (version === null) {
    await tx.query('DELETE FROM millrace.aliases WHERE model = $1 AND alias = $2', [model, alias]);
    return;
  }
  await tx.query(
    `INSERT INTO millrace.aliases (model, alias, version) VALUES ($1, $2, $3)
     ON CONFLICT (model, alias) DO UPDATE SET version = excluded.version, moved_at = now()
     WHERE millrace.aliases.version <> excluded.version`,
    [model, alias, version],
  );
}

function conflict(present: Allocation | null, change: AllocationChange): MillraceError {
  const revision = (value: number | null | undefined) => (value === null || value === undefined ? 'none' : String(value));
  return new MillraceError(
    'REGISTRY_REVISION_CONFLICT',
    `Allocation of model '${change.model}' was not changed: expected revision ${revision(change.expectedRevision)}, found ${revision(present?.revision)}. Somebody changed it meanwhile: read it again and decide again.`,
  );
}

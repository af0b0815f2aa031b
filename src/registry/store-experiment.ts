import type { Experiment, PlannedExperiment } from '../contracts/experiment.ts';
import { canonicalJson } from '../core/json.ts';
import { MillraceError } from '../core/millrace-error.ts';
import type { Queryable } from '../infra/postgres.ts';
import { listTensorModels } from './tensor-models.ts';

interface ExperimentChange {
  readonly model: string;
  readonly experiment?: PlannedExperiment | null;
  readonly winner?: string | null;
  readonly actor: string;
  readonly reason: string;
}

/** An experiment as it stood last. */
export interface StoredExperiment {
  readonly experiment: Experiment;
  /** Milliseconds since the epoch; null while it runs. */
  readonly endedAt: number | null;
  readonly endedBy: string | null;
  readonly endReason: string | null;
  readonly winner: string | null;
}

/**
 * Keeps what a change of the allocation does to experiments. One that has no ranges yet had no traffic and leaves nothing
 * behind. Times are the database's: whoever decided the change may have had to try for a while. `tx` is the transaction of
 * the change.
 * @returns the experiment with its times, and the name of the one that the change ends; null for none
 * @throws MillraceError EXPERIMENT_INVALID, EXPERIMENT_NAME_TAKEN
 */
export async function storeExperiment(
  tx: Queryable,
  present: Experiment | null,
  change: ExperimentChange,
): Promise<{ experiment: Experiment | null; ended: string | null }> {
  const { model, experiment: planned = null } = change;
  const running = present !== null && present.ranges.length > 0 ? present.name : null;
  const ended = running !== null && running !== planned?.name ? running : null;
  if (ended !== null) {
    await tx.query(
      `UPDATE millrace.experiments SET ended_at = now(), ended_by = $3, end_reason = $4, winner = $5 WHERE model = $1 AND name = $2`,
      [model, ended, change.actor, change.reason, change.winner ?? null],
    );
  }
  if (planned === null) return { experiment: null, ended };
  if (running !== planned.name) await assertNew(tx, model, planned.name);
  const next = await timed(tx, running === null ? null : present, planned);
  if (next.ranges.length > 0) {
    await tx.query(
      `INSERT INTO millrace.experiments (model, name, experiment, started_at) VALUES ($1, $2, $3, $4)
       ON CONFLICT (model, name) DO UPDATE SET experiment = excluded.experiment`,
      [model, next.name, JSON.stringify(next), new Date(next.startedAt)],
    );
  }
  return { experiment: next, ended };
}

async function timed(tx: Queryable, running: Experiment | null, planned: PlannedExperiment): Promise<Experiment> {
  const [row] = await tx.query<{ now: Date }>("SELECT date_trunc('milliseconds', clock_timestamp()) AS now");
  const now = (row as { now: Date }).now.getTime();
  const before = running?.name === planned.name ? running : null;
  const isUnchanged = before !== null && canonicalJson(before.ranges) === canonicalJson(planned.ranges);
  return { ...planned, startedAt: before?.startedAt ?? now, changedAt: isUnchanged ? before.changedAt : now };
}

/** Whether an experiment is what a change planned. */
export function samePlan(present: Experiment | null, planned: PlannedExperiment | null): boolean {
  return canonicalJson(withoutTimes(present)) === canonicalJson(withoutTimes(planned));
}

const withoutTimes = (experiment: PlannedExperiment | null) => (experiment === null ? null : { ...experiment, startedAt: undefined, changedAt: undefined });

async function assertNew(tx: Queryable, model: string, name: string): Promise<void> {
  if ((await listTensorModels(tx)).includes(model)) {
    throw new MillraceError(
      'EXPERIMENT_INVALID',
      `Model '${model}' has no feature service: its requests name no entity that could have an arm, so it can have no experiment.`,
    );
  }
  const found = await tx.query('SELECT name FROM millrace.experiments WHERE model = $1 AND name = $2', [model, name]);
  if (found.length === 0) return;
  throw new MillraceError(
    'EXPERIMENT_NAME_TAKEN',
    `Model '${model}' had an experiment '${name}' before: its name would give the entities the same arms again. Use another name.`,
  );
}

interface ExperimentRow {
  readonly experiment: Experiment;
  readonly ended_at: Date | null;
  readonly ended_by: string | null;
  readonly end_reason: string | null;
  readonly winner: string | null;
}

/**
 * The named experiment of a model, or, where none is named, the one that started last.
 * @throws MillraceError EXPERIMENT_NOT_FOUND
 */
export async function findExperiment(db: Queryable, model: string, name: string | null): Promise<StoredExperiment> {
  const [row] = await db.query<ExperimentRow>(
    `SELECT experiment, ended_at, ended_by, end_reason, winner FROM millrace.experiments
     WHERE model = $1 AND ($2::text IS NULL OR name = $2) ORDER BY started_at DESC LIMIT 1`,
    [model, name],
  );
  if (row === undefined) {
    const what = name === null ? 'an experiment' : `the experiment '${name}'`;
    throw new MillraceError('EXPERIMENT_NOT_FOUND', `Model '${model}' never had ${what}. 'millrace ledger ${model}' lists what it had.`);
  }
  return {
    experiment: row.experiment,
    endedAt: row.ended_at?.getTime() ?? null,
    endedBy: row.ended_by,
    endReason: row.end_reason,
    winner: row.winner,
  };
}

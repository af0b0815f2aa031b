import type { Experiment } from '../contracts/experiment.ts';
import { MillraceError } from '../core/millrace-error.ts';
import type { Queryable } from '../infra/postgres.ts';

interface ExperimentChange {
  readonly model: string;
  readonly experiment?: Experiment | null;
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
 * behind. `tx` is the transaction of the change.
 * @returns name of the experiment that the change ends, or null
 * @throws MillraceError EXPERIMENT_NAME_TAKEN
 */
export async function storeExperiment(tx: Queryable, present: Experiment | null, change: ExperimentChange): Promise<string | null> {
  const { model, experiment: next = null } = change;
  const running = present !== null && present.ranges.length > 0 ? present.name : null;
  const ended = running !== null && running !== next?.name ? running : null;
  if (ended !== null) {
    await tx.query(
      `UPDATE millrace.experiments SET ended_at = now(), ended_by = $3, end_reason = $4, winner = $5 WHERE model = $1 AND name = $2`,
      [model, ended, change.actor, change.reason, change.winner ?? null],
    );
  }
  if (next === null) return ended;
  if (running !== next.name) await assertNew(tx, model, next.name);
  if (next.ranges.length > 0) {
    await tx.query(
      `INSERT INTO millrace.experiments (model, name, experiment, started_at, changed_at) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (model, name) DO UPDATE SET experiment = excluded.experiment, changed_at = excluded.changed_at`,
      [model, next.name, JSON.stringify(next), new Date(next.startedAt), new Date(next.changedAt)],
    );
  }
  return ended;
}

async function assertNew(tx: Queryable, model: string, name: string): Promise<void> {
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

import type { Clock } from '../core/clock.ts';
import type { JsonValue } from '../core/json.ts';
import { derivationOf } from '../define/derivation.ts';
import type { Project } from '../define/project.ts';
import type { Queryable } from '../infra/postgres.ts';
import { createDerivePositions } from './derived/derive-positions.ts';
import { createKeyIndexesSql } from './derived/key-index.ts';
import { createIngestPositions } from './ingest-positions.ts';
import { addLogColumnSql, createLogIndexSql, createLogTableSql, logTable } from './log-table.ts';
import { materializePartition } from './materialize.ts';
import type { OnlineStore } from './online-store.ts';
import { assertPlan, planProject, type Plan, type PlanDeps } from './plan-project.ts';
import { modelDefinition, writeDefinitions } from './project-definitions.ts';

export interface ApplyDeps extends PlanDeps {
  readonly store: OnlineStore;
  readonly clock: Clock;
  /** Makes a model known to the registry, or replaces its definition. */
  readonly registerModel: (name: string, definition: JsonValue) => Promise<void>;
  readonly onStep?: (text: string) => void;
}

/** Two processes that apply at the same time do so one after the other. */
const APPLY_LOCK = 5_237_119;

/**
 * Makes a project real: topics, offline logs, definitions, models, and the states of new views over
 * existing history. All checks come first; applying again changes nothing and finishes what an
 * interrupted one left.
 * @throws MillraceError PLAN_VIEW_CHANGED, PLAN_SOURCE_INCOMPATIBLE, PLAN_TOPIC_INCOMPATIBLE
 */
export async function applyProject(project: Project, deps: ApplyDeps): Promise<Plan> {
  const plan = await planProject(project, deps);
  assertPlan(plan);
  const say = deps.onStep ?? (() => undefined);
  // Topics first: without a row that names them, empty ones do no harm.
  await deps.kafka.ensureTopics(plan.topics);
  await deps.postgres.transaction(async (tx) => {
    await tx.query('SELECT pg_advisory_xact_lock($1)', [APPLY_LOCK]);
    await createLogs(tx, plan);
    // Decisions meet their outcomes by it, in monitors and in every look at a rollout.
    for (const { label } of project.models) await tx.query(createLogIndexSql(label.source.name, label.id));
    const derived = project.sources.filter((source) => derivationOf(source) !== undefined);
    for (const statement of derived.flatMap(createKeyIndexesSql)) await tx.query(statement);
    await createDerivePositions(tx, derived);
    await createIngestPositions(
      tx,
      project.sources.flatMap((source) =>
        Array.from({ length: source.partitions }, (_, partition) => ({
          source: source.name,
          partition,
          nextOffset: 0,
        })),
      ),
    );
    // A view over history counts as applied once its states are there.
    const waiting = new Set(plan.recompute.map((p) => `${p.name}/${p.version}`));
    await writeDefinitions(
      tx,
      plan.definitions.filter((d) => d.kind !== 'featureView' || !waiting.has(`${d.name}/${d.version}`)),
    );
  });
  for (const model of project.models) await deps.registerModel(model.name, modelDefinition(model));
  for (const step of plan.steps) say(`${step.action} ${step.kind} ${step.name} (${step.detail})`);
  for (const program of plan.recompute) {
    for (let partition = 0; partition < program.partitions; partition++) {
      const { keys, events } = await materializePartition(deps, program, partition);
      say(
        `view ${program.name} version ${program.version}, partition ${partition}: ${keys} keys from ${events} events`,
      );
    }
  }
  await writeDefinitions(deps.postgres, plan.definitions);
  return plan;
}

async function createLogs(tx: Queryable, plan: Plan): Promise<void> {
  for (const source of plan.newSources) {
    // Another apply may have come first: the lock let us in after it.
    const [present] = await tx.query<{ found: string | null }>('SELECT to_regclass($1) AS found', [
      logTable(source.name),
    ]);
    if (present !== undefined && present.found !== null) continue;
    for (const statement of createLogTableSql(source)) await tx.query(statement);
  }
  for (const column of plan.newColumns) {
    const [present] = await tx.query(
      "SELECT 1 FROM information_schema.columns WHERE table_schema = 'log' AND table_name = $1 AND column_name = $2",
      [column.source, column.name],
    );
    if (present === undefined) await tx.query(addLogColumnSql(column.source, column.name, column.field.type));
  }
}

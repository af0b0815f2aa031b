import type { Clock } from '../core/clock.ts';
import type { JsonValue } from '../core/json.ts';
import { derivationOf } from '../define/derivation.ts';
import type { Project } from '../define/project.ts';
import { compileService } from '../fold/compile-service.ts';
import type { ViewProgram } from '../fold/compile-view.ts';
import type { Queryable } from '../infra/postgres.ts';
import { createDerivePositions } from './derived/derive-positions.ts';
import { keyIndexesOf } from './derived/key-index.ts';
import { backfillPartition } from './backfill-partition.ts';
import { assertEqual, compareView } from './compare-view.ts';
import { recordService } from './current-services.ts';
import { createIngestPositions } from './ingest-positions.ts';
import { readLiveViews } from './live-views.ts';
import {
  addLogColumnSql,
  createLogTableSql,
  logIndexBy,
  logTable,
  loosenLogColumnSql,
  sortBySource,
  type LogIndex,
} from './log-table.ts';
import type { OnlineStore } from './online-store.ts';
import { assertPlan, planProject, VIEW_KEEP_MS_DEFAULT, type Plan, type PlanDeps } from './plan-project.ts';
import { modelDefinition, writeDefinitions } from './project-definitions.ts';
import { projectTopics } from './project-topics.ts';
import { removeView, type RemoveViewDeps } from './remove-view.ts';
import {
  addViewVersion,
  flipViewVersion,
  lockViews,
  moveViewVersion,
  type ChangeNote,
  type ViewVersion,
  type ViewVersionState,
} from './view-versions.ts';

/** A change of what is current, for the ledger. */
export interface ViewChangeNote extends ChangeNote {
  readonly model: null;
  readonly version: null;
  readonly action: 'flip-view' | 'remove-view';
  readonly details: Readonly<Record<string, JsonValue>>;
}

export interface ApplyDeps extends PlanDeps {
  readonly store: OnlineStore;
  readonly clock: Clock;
  /** Makes a model known to the registry, or replaces its definition. */
  readonly registerModel: (name: string, definition: JsonValue) => Promise<void>;
  /** Writes to the ledger, in the transaction of the change. */
  readonly record?: (tx: Queryable, note: ViewChangeNote) => Promise<unknown>;
  readonly removeStates?: RemoveViewDeps['removeStates'];
  /** `here`: views over history are filled before `applyProject` returns. `later`: the caller has it done. */
  readonly fill?: 'here' | 'later';
  readonly actor?: string;
  readonly onStep?: (text: string) => void;
}

/**
 * Makes a project real: topics, offline logs, definitions, models, and the versions of its views, new ones beside the
 * old. Versions that no model needs any more go. All checks come first; applying again changes nothing and
 * finishes what an interrupted one left.
 * @throws MillraceError PLAN_VIEW_CHANGED, PLAN_SOURCE_INCOMPATIBLE, PLAN_TOPIC_INCOMPATIBLE
 */
export async function applyProject(project: Project, deps: ApplyDeps): Promise<Plan> {
  const plan = await planProject(project, deps);
  assertPlan(plan);
  const say = deps.onStep ?? (() => undefined);
  // Those that the project went back to begin with nothing left of them.
  await removeViews(deps, plan.views.remove.filter(({ state }) => state === 'gone'));
  // Topics first: without a row that names them, empty ones do no harm.
  await deps.kafka.ensureTopics(plan.topics);
  await deps.postgres.transaction(async (tx) => {
    await lockViews(tx);
    await createLogs(tx, plan);
    const derived = project.sources.filter((source) => derivationOf(source) !== undefined);
    await changeLogs(tx, plan, [
      // Decisions meet their outcomes by it, in monitors and in every look at a rollout.
      ...project.models.map(({ label }) => logIndexBy(label.source.name, label.id)),
      ...derived.flatMap(keyIndexesOf),
    ]);
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
    await writeDefinitions(tx, plan.definitions);
    for (const service of project.services) await recordService(tx, compileService(service));
    await changeViews(tx, plan, deps);
    // Another apply may have removed one since the plan was made.
    const { fill, start, flipBack } = plan.views;
    await deps.kafka.ensureTopics(projectTopics(project, [...fill, ...start, ...flipBack], deps.names));
  });
  for (const model of project.models) await deps.registerModel(model.name, modelDefinition(model));
  for (const step of plan.steps) say(`${step.action} ${step.kind} ${step.name} (${step.detail})`);
  if (deps.fill !== 'later') for (const program of plan.recompute) await fillHere(project, deps, program, say);
  await removeViews(deps, plan.views.remove.filter(({ state }) => state !== 'gone'));
  return plan;
}

async function removeViews(deps: ApplyDeps, rows: readonly ViewVersion[]): Promise<void> {
  const { removeStates, keepMs = VIEW_KEEP_MS_DEFAULT } = deps;
  if (removeStates === undefined) return;
  for (const row of rows) {
    const note = noteOf(deps, 'no model version needs it');
    const removed = await removeView({ ...deps, keepMs, removeStates }, row, note);
    const what = `view ${row.name} version ${row.version}`;
    if (removed === null) {
      deps.onStep?.(`${what}: not removed, it came back or is needed again`);
      continue;
    }
    const details = { view: row.name, viewVersion: row.version, keys: removed.keys };
    await deps.postgres.transaction(async (tx) =>
      deps.record?.(tx, { ...note, model: null, version: null, action: 'remove-view', details }),
    );
    deps.onStep?.(`${what}: removed, ${removed.keys} keys`);
  }
}

const noteOf = ({ actor = 'apply' }: ApplyDeps, reason: string): ChangeNote => ({ actor, reason });

/** New versions of views come in, those that the project went back to flip back, those that it left retire. */
async function changeViews(tx: Queryable, { views }: Plan, deps: ApplyDeps): Promise<void> {
  for (const row of views.retire)
    await moveViewVersion(tx, row, [row.state], 'retiring', noteOf(deps, 'it left the project'));
  for (const program of views.fill) {
    await addViewVersion(tx, program, 'building', noteOf(deps, 'the project has it'));
    await moveViewVersion(tx, program, ['retiring'], 'building', noteOf(deps, 'the project went back to it before it was filled'));
  }
  for (const program of views.start) {
    await addViewVersion(tx, program, 'building', noteOf(deps, 'the project has it'));
    await flip(tx, deps, program, ['building'], 'its source has no events yet');
  }
  for (const program of views.flipBack)
    await flip(tx, deps, program, ['retiring'], 'the project went back to it');
}

async function flip(
  tx: Queryable,
  deps: ApplyDeps,
  { name, version }: ViewProgram,
  from: readonly ViewVersionState[],
  reason: string,
): Promise<void> {
  const note = noteOf(deps, reason);
  const { flipped, before } = await flipViewVersion(tx, { name, version }, from, note);
  if (!flipped || before === null) return;
  const details = { view: name, viewVersion: version, replaced: before };
  await deps.record?.(tx, { ...note, model: null, version: null, action: 'flip-view', details });
}

/** Fills a view without workflows: where no worker runs yet, and in tests. */
async function fillHere(
  project: Project,
  deps: ApplyDeps,
  program: ViewProgram,
  say: (text: string) => void,
): Promise<void> {
  const note = noteOf(deps, 'the project has it');
  const move = (from: ViewVersionState, to: ViewVersionState): Promise<boolean> =>
    deps.postgres.transaction((tx) => moveViewVersion(tx, program, [from], to, note));
  await move('building', 'backfilling');
  for (let partition = 0; partition < program.partitions; partition++) {
    const slice = { owner: 'apply', rowsPerSecond: Number.MAX_SAFE_INTEGER, sliceMs: Infinity };
    const { events } = await backfillPartition(deps, program, partition, slice);
    say(`view ${program.name} version ${program.version}, partition ${partition}: ${events} events`);
  }
  await move('backfilling', 'comparing');
  const live = await readLiveViews(deps.postgres, project);
  const before = live.find((one) => one.state === 'current' && one.program.name === program.name);
  assertEqual(program, await compareView(deps, program, before?.program ?? null));
  await deps.postgres.transaction((tx) => flip(tx, deps, program, ['comparing'], 'it is filled and equal'));
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
}

/** Brings the tables of logs up to date. A statement locks its table, also where it finds nothing to do: only what is missing is run. */
async function changeLogs(tx: Queryable, plan: Plan, indexes: readonly LogIndex[]): Promise<void> {
  const changes: { source: string; sql: string }[] = [];
  for (const { source, name, field } of plan.newColumns) {
    const [present] = await tx.query(
      "SELECT 1 FROM information_schema.columns WHERE table_schema = 'log' AND table_name = $1 AND column_name = $2",
      [source, name],
    );
    if (present === undefined) changes.push({ source, sql: addLogColumnSql(source, name, field.type) });
  }
  for (const { source, name } of plan.loosened) changes.push({ source, sql: loosenLogColumnSql(source, name) });
  for (const index of new Map(indexes.map((one) => [one.name, one])).values()) {
    const [present] = await tx.query(
      "SELECT 1 FROM pg_indexes WHERE schemaname = 'log' AND indexname = $1",
      [index.name],
    );
    if (present === undefined) changes.push(index);
  }
  for (const { sql } of sortBySource(changes, ({ source }) => source)) await tx.query(sql);
}

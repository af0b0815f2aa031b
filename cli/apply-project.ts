import { fileURLToPath } from 'node:url';
import { BACKFILL_ROWS_PER_SECOND_DEFAULT, type BackfillResult } from '../src/contracts/backfill.ts';
import { createNames } from '../src/contracts/names.ts';
import type { Project } from '../src/define/project.ts';
import { loadColdLogConfig } from '../src/infra/cold-log-config.ts';
import { loadProject } from '../src/infra/load-project.ts';
import { migrate } from '../src/infra/migrate.ts';
import type { Postgres } from '../src/infra/postgres.ts';
import { createRedis, redisReady } from '../src/infra/redis.ts';
import { appendLedger } from '../src/registry/append-ledger.ts';
import { listViewNeeds } from '../src/registry/list-view-needs.ts';
import { createRegistry } from '../src/registry/registry.ts';
import { applyProject } from '../src/store/apply-project.ts';
import { estimateBackfill, type BackfillEstimate } from '../src/store/estimate-backfill.ts';
import { createOnlineStore } from '../src/store/online-store.ts';
import { planProject, VIEW_KEEP_MS_DEFAULT, type Plan } from '../src/store/plan-project.ts';
import { removeViewKeys } from '../src/store/remove-view.ts';
import { ensureBackfills } from '../workers/ensure-backfills.ts';
import { ensureExportSchedules } from '../workers/ensure-export-schedules.ts';
import { ensureWorkflows } from '../workers/ensure-workflows.ts';
import type { CommandContext } from './command-context.ts';
import { operatorName } from './lifecycle-client.ts';
import { artifactStoreOf, withKafka, withLogDatabase, withTemporal } from './open-servers.ts';

const migrations = fileURLToPath(new URL('../migrations', import.meta.url));

export interface ApplyOptions {
  /** Ms that a replaced version of a view is kept. */
  readonly keepMs?: number;
  readonly rowsPerSecond?: number;
  /** Wait until every new version is filled and current. */
  readonly wait?: boolean;
}

export interface PlannedProject {
  readonly plan: Plan;
  /** By `view/version`, of the views that are to be recomputed. */
  readonly estimates: Readonly<Record<string, BackfillEstimate>>;
  readonly rowsPerSecond: number;
}

export interface AppliedProject {
  readonly plan: Plan;
  /** Workflow ids of the backfills that run. */
  readonly backfills: readonly string[];
  /** Of those that were waited for. */
  readonly filled: readonly BackfillResult[];
}

const pinnedViewsOf = (postgres: Postgres) => (keepMs: number) => listViewNeeds(postgres, keepMs, Date.now());

/** Compares the project with what was applied, and measures what it would take. Millrace's own tables are made where they are missing. */
export async function planOnly(
  context: CommandContext,
  { keepMs = VIEW_KEEP_MS_DEFAULT, rowsPerSecond = BACKFILL_ROWS_PER_SECOND_DEFAULT }: ApplyOptions = {},
): Promise<PlannedProject> {
  const project = await loadProject(context.options.project);
  return withLogDatabase(context, async (postgres) => {
    await migrate(postgres, migrations);
    const plan = await withKafka(context, (kafka, names) =>
      planProject(project, { postgres, kafka, names, keepMs, pinnedViews: pinnedViewsOf(postgres) }),
    );
    const estimates: Record<string, BackfillEstimate> = {};
    for (const program of plan.recompute)
      estimates[`${program.name}/${program.version}`] = await estimateBackfill(
        postgres,
        program,
        rowsPerSecond,
      );
    return { plan, estimates, rowsPerSecond };
  });
}

/**
 * Brings the database up to date, applies the project, and starts its workflows, schedules and backfills where they do
 * not run yet. Doing so again changes nothing.
 */
export async function applyAndStartWorkflows(
  context: CommandContext,
  options: ApplyOptions = {},
): Promise<AppliedProject> {
  const project = await loadProject(context.options.project);
  const plan = await applyDefinitions(context, project, options);
  const coldLogConfig = loadColdLogConfig(await context.environment());
  return withTemporal(context, 'starting the workflows', async (client, config) => {
    const names = createNames(config.namespace);
    await ensureWorkflows(client, project, names);
    await ensureExportSchedules(client, project, names, coldLogConfig);
    context.output.note(
      `Workflows run for ${project.models.map((model) => model.name).join(', ') || 'ingestion only'}.`,
    );
    const backfills = await ensureBackfills(
      client,
      names,
      plan.recompute.map(({ name, version }) => ({
        view: name,
        version,
        rowsPerSecond: options.rowsPerSecond ?? BACKFILL_ROWS_PER_SECOND_DEFAULT,
        requestedBy: operatorName(),
        reason: 'millrace apply',
      })),
    );
    for (const id of backfills) context.output.note(`Workflow ${id} runs.`);
    const filled: BackfillResult[] = [];
    if (options.wait === true)
      for (const id of backfills) filled.push((await client.workflow.getHandle(id).result()) as BackfillResult);
    return { plan, backfills, filled };
  });
}

async function applyDefinitions(
  context: CommandContext,
  project: Project,
  { keepMs = VIEW_KEEP_MS_DEFAULT }: ApplyOptions,
): Promise<Plan> {
  return withLogDatabase(context, async (postgres, config) => {
    for (const name of await migrate(postgres, migrations)) context.output.note(`Migration ${name} ran.`);
    const redis = createRedis({ url: config.redisUrl, role: 'write', logger: context.logger });
    try {
      await redisReady(redis);
      const registry = createRegistry(postgres, artifactStoreOf(config));
      return await withKafka(context, (kafka, names) =>
        applyProject(project, {
          postgres,
          kafka,
          names,
          keepMs,
          pinnedViews: pinnedViewsOf(postgres),
          store: createOnlineStore(redis, names),
          clock: Date.now,
          registerModel: (name, definition) => registry.registerModel(name, definition),
          record: appendLedger,
          removeStates: (name, version, whileGone) => removeViewKeys(redis, names, name, version, whileGone),
          fill: 'later',
          actor: operatorName(),
          onStep: (text) => context.output.note(text),
        }),
      );
    } finally {
      redis.disconnect();
    }
  });
}

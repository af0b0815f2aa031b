import { fileURLToPath } from 'node:url';
import { createNames } from '../src/contracts/names.ts';
import type { Project } from '../src/define/project.ts';
import { loadColdLogConfig } from '../src/infra/cold-log-config.ts';
import { loadProject } from '../src/infra/load-project.ts';
import { migrate } from '../src/infra/migrate.ts';
import { createRedis, redisReady } from '../src/infra/redis.ts';
import { createRegistry } from '../src/registry/registry.ts';
import { applyProject } from '../src/store/apply-project.ts';
import { createOnlineStore } from '../src/store/online-store.ts';
import { planProject, type Plan } from '../src/store/plan-project.ts';
import { ensureExportSchedules } from '../workers/ensure-export-schedules.ts';
import { ensureWorkflows } from '../workers/ensure-workflows.ts';
import type { CommandContext } from './command-context.ts';
import { artifactStoreOf, withKafka, withLogDatabase, withPostgres, withTemporal } from './open-servers.ts';

const migrations = fileURLToPath(new URL('../migrations', import.meta.url));

/** Compares the project with what was applied. Millrace's own tables are made where they are missing. */
export async function planOnly(context: CommandContext): Promise<Plan> {
  const project = await loadProject(context.options.project);
  return withPostgres(context, async (postgres) => {
    await migrate(postgres, migrations);
    return withKafka(context, (kafka, names) => planProject(project, { postgres, kafka, names }));
  });
}

/**
 * Brings the database up to date, applies the project, and starts its workflows and schedules where they do
 * not run yet. Doing so again changes nothing.
 */
export async function applyAndStartWorkflows(context: CommandContext): Promise<Plan> {
  const project = await loadProject(context.options.project);
  const plan = await applyDefinitions(context, project);
  const coldLogConfig = loadColdLogConfig(await context.environment());
  await withTemporal(context, 'starting the workflows', async (client, config) => {
    const names = createNames(config.namespace);
    await ensureWorkflows(client, project, names);
    await ensureExportSchedules(client, project, names, coldLogConfig);
  });
  context.output.note(
    `Workflows run for ${project.models.map((model) => model.name).join(', ') || 'ingestion only'}.`,
  );
  return plan;
}

async function applyDefinitions(context: CommandContext, project: Project): Promise<Plan> {
  // New versions of views are rebuilt from all of their log.
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
          store: createOnlineStore(redis, names),
          clock: Date.now,
          registerModel: (name, definition) => registry.registerModel(name, definition),
          onStep: (text) => context.output.note(text),
        }),
      );
    } finally {
      redis.disconnect();
    }
  });
}

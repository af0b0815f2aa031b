import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createArtifactStore } from '../../../src/infra/artifacts.ts';
import { loadBaseConfig } from '../../../src/infra/base-config.ts';
import { createLogger } from '../../../src/infra/logger.ts';
import { createPostgres } from '../../../src/infra/postgres.ts';
import { processEnvironment } from '../../../src/infra/process-environment.ts';
import { createRegistry, type Registry } from '../../../src/registry/registry.ts';
import { loadServingSettings } from '../../../serving/settings.ts';
import { startServing, type RunningServing } from '../../../serving/start-serving.ts';
import { openCommandStage, type CommandStage } from '../cli/command-stage.ts';
import { fillTickets } from './fill-tickets.ts';
import ticketsProject from './tickets-project.ts';

export interface ImportStage extends Pick<CommandStage, 'run' | 'dataDir'> {
  /** Path of the project's file. */
  readonly project: string;
  readonly registry: Registry;
  /** Starts a serving process; it stops with the stage. */
  serve(): Promise<RunningServing>;
  close(): Promise<void>;
}

/** The tickets, applied and with a log of labelled examples: what models are imported into. */
export async function openImportStage(): Promise<ImportStage> {
  const logger = createLogger('test', 'silent');
  const commands = await openCommandStage();
  const project = fileURLToPath(new URL('./tickets-project.ts', import.meta.url));
  process.env['MILLRACE_PROJECT'] = project;
  const applied = await commands.run('apply');
  if (applied.exitCode !== 0) throw new Error(`the project was not applied: ${applied.stderr}`);
  const postgres = createPostgres({ url: commands.environment['MILLRACE_POSTGRES_URL']!, applicationName: 'test', logger });
  await fillTickets(postgres);
  let serving: RunningServing | undefined;
  return {
    run: (...argv) => commands.run(...argv),
    dataDir: commands.dataDir,
    project,
    registry: createRegistry(postgres, createArtifactStore(path.join(commands.dataDir, 'artifacts'))),
    async serve() {
      const settings = loadServingSettings({
        MILLRACE_SERVING_PORT: '0',
        MILLRACE_SERVING_GRPC_PORT: '0',
        MILLRACE_SERVING_PROVIDERS: 'cpu',
        // Tests share a busy machine: what they check is not how fast it is.
        MILLRACE_SERVING_TIMEOUT_MS: '20000',
      });
      serving = await startServing({ project: ticketsProject, config: loadBaseConfig(processEnvironment()), settings, logger });
      return serving;
    },
    async close() {
      await serving?.stop();
      await postgres.close();
      await commands.close();
    },
  };
}

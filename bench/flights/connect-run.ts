import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { fillFromStack } from '../../cli/stack-addresses.ts';
import type { Model } from '../../src/define/model.ts';
import type { Project } from '../../src/define/project.ts';
import { loadBaseConfig, type BaseConfig } from '../../src/infra/base-config.ts';
import { loadProject } from '../../src/infra/load-project.ts';
import { createLogger, type Logger } from '../../src/infra/logger.ts';
import { createPostgres, type Postgres } from '../../src/infra/postgres.ts';
import { readStackFile } from '../../stack/stack-state.ts';

const flightsProject = fileURLToPath(new URL('../../examples/flights/project.ts', import.meta.url));

/** One statement may read a whole source. */
const STATEMENT_TIMEOUT_MS = 300_000;

/** What a run left behind: its servers, found as every command of `millrace` finds them. */
export interface ConnectedRun {
  readonly config: BaseConfig;
  readonly logger: Logger;
  readonly project: Project;
  readonly model: Model;
  readonly postgres: Postgres;
  close(): Promise<void>;
}

/**
 * @param dataDir of `npm start` or `millrace up`; addresses in the environment go before what it says
 * @param modelName undefined: the project's only model
 */
export async function connectRun(options: {
  dataDir: string;
  project: string | undefined;
  model: string | undefined;
}): Promise<ConnectedRun> {
  const dataDir = path.resolve(options.dataDir);
  const environment = fillFromStack(
    {
      ...process.env,
      MILLRACE_DATA_DIR: dataDir,
      MILLRACE_PROJECT: path.resolve(options.project ?? process.env['MILLRACE_PROJECT'] ?? flightsProject),
    },
    dataDir,
  );
  if (environment['MILLRACE_POSTGRES_URL'] === undefined) {
    const phase = readStackFile(dataDir)?.phase ?? 'not there';
    throw new Error(
      `The servers of data directory '${dataDir}' are ${phase}, expected running. Start them: npx millrace up --data-dir ${options.dataDir}`,
    );
  }
  const config = loadBaseConfig(environment);
  const project = await loadProject(config.project);
  const model = project.models.find(({ name }) => options.model === undefined || name === options.model);
  if (model === undefined) {
    const names = project.models.map(({ name }) => name).join(', ');
    throw new Error(
      `Model '${options.model ?? ''}' is not in the project, which has: ${names}. Name one with --model.`,
    );
  }
  const logger = createLogger('bench', 'warn');
  const postgres = createPostgres({
    url: config.postgresUrl,
    applicationName: 'millrace-bench',
    logger,
    poolMax: 2,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  });
  return { config, logger, project, model, postgres, close: () => postgres.close() };
}

import { existsSync } from 'node:fs';
import path from 'node:path';
import { pino } from 'pino';
import { processEnvironment } from '../src/infra/process-environment.ts';
import type { Environment } from '../src/infra/settings.ts';
import { rememberedProject } from '../workers/process-state.ts';
import type { CommandContext, GlobalOptions } from './command-context.ts';
import { createOutput, type TextSink } from './output.ts';

export const DATA_DIR_DEFAULT = '.millrace';
export const PROJECT_DEFAULT = 'millrace.project.ts';

const STANDARD_ERROR = 2;

/** Options as commander parsed them, completed from the environment, paths made absolute. */
export function readGlobalOptions(raw: Readonly<Record<string, unknown>>): GlobalOptions {
  const environment = processEnvironment();
  const text = (value: unknown, variable: string): string | undefined =>
    typeof value === 'string' ? value : environment[variable] || undefined;
  const dataDir = path.resolve(text(raw['dataDir'], 'MILLRACE_DATA_DIR') ?? DATA_DIR_DEFAULT);
  return {
    json: raw['json'] === true,
    verbose: raw['verbose'] === true,
    dataDir,
    project: path.resolve(text(raw['project'], 'MILLRACE_PROJECT') ?? projectOf(dataDir)),
  };
}

/** The folder's own project; where it has none, the one that the data directory's processes run. */
function projectOf(dataDir: string): string {
  return existsSync(PROJECT_DEFAULT) ? PROJECT_DEFAULT : (rememberedProject(dataDir) ?? PROJECT_DEFAULT);
}

export function createCommandContext(
  options: GlobalOptions,
  line: { stdout: TextSink; stderr: TextSink; signal: AbortSignal },
): CommandContext {
  const givenEnvironment: Environment = {
    ...processEnvironment(),
    MILLRACE_DATA_DIR: options.dataDir,
    MILLRACE_PROJECT: options.project,
  };
  const environment = async (): Promise<Environment> => {
    const { fillFromStack } = await import('./stack-addresses.ts');
    const { processPorts } = await import('../workers/process-state.ts');
    return { ...(await processPorts(options.dataDir)), ...fillFromStack(givenEnvironment, options.dataDir) };
  };
  return {
    options,
    output: createOutput(line, options.json),
    signal: line.signal,
    logger: pino(
      {
        name: 'millrace',
        level: options.verbose ? 'info' : 'silent',
        timestamp: pino.stdTimeFunctions.isoTime,
      },
      pino.destination({ fd: STANDARD_ERROR, sync: true }),
    ),
    givenEnvironment,
    environment,
    async config() {
      const { loadBaseConfig } = await import('../src/infra/base-config.ts');
      return loadBaseConfig(await environment());
    },
  };
}

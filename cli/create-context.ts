import path from 'node:path';
import { pino } from 'pino';
import { loadBaseConfig } from '../src/infra/base-config.ts';
import { processEnvironment } from '../src/infra/process-environment.ts';
import type { Environment } from '../src/infra/settings.ts';
import { processPorts } from '../workers/process-state.ts';
import type { CommandContext, GlobalOptions } from './command-context.ts';
import { createOutput, type TextSink } from './output.ts';
import { fillFromStack } from './stack-addresses.ts';

export const DATA_DIR_DEFAULT = '.millrace';
export const PROJECT_DEFAULT = 'millrace.project.ts';

const STANDARD_ERROR = 2;

/** Options as commander parsed them, completed from the environment, paths made absolute. */
export function readGlobalOptions(raw: Readonly<Record<string, unknown>>): GlobalOptions {
  const environment = processEnvironment();
  const text = (value: unknown, variable: string, fallback: string): string =>
    path.resolve(typeof value === 'string' ? value : environment[variable] || fallback);
  return {
    json: raw['json'] === true,
    verbose: raw['verbose'] === true,
    dataDir: text(raw['dataDir'], 'MILLRACE_DATA_DIR', DATA_DIR_DEFAULT),
    project: text(raw['project'], 'MILLRACE_PROJECT', PROJECT_DEFAULT),
  };
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
  const environment = async (): Promise<Environment> => ({
    ...(await processPorts(options.dataDir)),
    ...fillFromStack(givenEnvironment, options.dataDir),
  });
  return {
    options,
    output: createOutput(line, options.json),
    signal: line.signal,
    logger: pino(
      { name: 'millrace', level: options.verbose ? 'info' : 'silent', timestamp: pino.stdTimeFunctions.isoTime },
      pino.destination({ fd: STANDARD_ERROR, sync: true }),
    ),
    givenEnvironment,
    environment,
    config: async () => loadBaseConfig(await environment()),
  };
}

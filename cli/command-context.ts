import type { BaseConfig } from '../src/infra/base-config.ts';
import type { Logger } from '../src/infra/logger.ts';
import type { Environment } from '../src/infra/settings.ts';
import type { ExitCode } from './exit-code.ts';
import type { Output } from './output.ts';

/** Options that every command takes. */
export interface GlobalOptions {
  readonly json: boolean;
  readonly verbose: boolean;
  /** Absolute. */
  readonly dataDir: string;
  /** Absolute path of the project file, whether it is there or not. */
  readonly project: string;
}

/** What a command works with. */
export interface CommandContext {
  readonly options: GlobalOptions;
  readonly output: Output;
  /** Aborted by the first SIGINT or SIGTERM; one that follows it later than half a second ends the process at once. */
  readonly signal: AbortSignal;
  /** Silent unless `--verbose`; writes to standard error. */
  readonly logger: Logger;
  /** The environment as it was given, with the paths of the options in it. */
  readonly givenEnvironment: Environment;
  /** The same, and what it leaves open filled in from the running stack and processes. Read anew by each call. */
  environment(): Promise<Environment>;
  /** @throws MillraceError CONFIG_INVALID */
  config(): Promise<BaseConfig>;
}

/** Runs a handler with the context of the command line; what it answers becomes the exit code. */
export type Act = <A extends unknown[]>(
  handler: (context: CommandContext, ...args: A) => Promise<ExitCode | undefined>,
) => (...args: A) => Promise<void>;

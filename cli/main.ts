import { CommanderError, type Command } from 'commander';
import { isMillraceError, MillraceError } from '../src/core/millrace-error.ts';
import { createCommandContext, readGlobalOptions } from './create-context.ts';
import type { Act } from './command-context.ts';
import { exitCodeOf, exitCodes, type ExitCode } from './exit-code.ts';
import type { TextSink } from './output.ts';
import { createProgram } from './program.ts';
import { reportError } from './report-error.ts';

/** Handles that a library leaves behind may hold the process this long after the command is done. */
const LINGER_LIMIT_MS = 3_000;
/** A signal to all of a group comes again from each process of it that hands it on (npm, the launcher): within this time they are one. */
const ONE_SIGNAL_MS = 500;

/** What the command line needs of its process; the tests give their own. */
export interface CommandLine {
  readonly argv: readonly string[];
  readonly stdout: TextSink;
  readonly stderr: TextSink;
  readonly signal: AbortSignal;
}

/** Runs one command. Never throws: errors are printed, the exit code tells them apart. */
export async function runCommand(line: CommandLine): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.ok;
  const act: Act =
    (handler) =>
    async (...args) => {
      const context = createCommandContext(globalOptionsOf(args), line);
      exitCode = (await handler(context, ...args)) ?? exitCodes.ok;
    };
  const program = createProgram(act, line);
  try {
    await program.parseAsync(line.argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError)
      return error.exitCode === 0 ? exitCodes.ok : reportUsage(error, line);
    if (line.signal.aborted && !isMillraceError(error)) return exitCodes.interrupted;
    reportError(error, line, {
      json: line.argv.includes('--json'),
      verbose: line.argv.includes('--verbose'),
    });
    return exitCodeOf(error);
  }
}

/** Commander calls an action with its arguments, the options and, last, the command. */
function globalOptionsOf(args: readonly unknown[]) {
  return readGlobalOptions((args.at(-1) as Command).optsWithGlobals());
}

function reportUsage(error: CommanderError, line: CommandLine): ExitCode {
  const what = error.message.replace(/^error: /, '').replace(/\n/g, ' ').replace(/\.$/, '');
  // Commander answers a bare `millrace` with the help on standard error: there is nothing to add.
  if (error.code !== 'commander.help') {
    const usage = new MillraceError('CONFIG_INVALID', `${what}. See 'millrace --help'.`);
    reportError(usage, line, { json: line.argv.includes('--json'), verbose: false });
  }
  return exitCodes.usage;
}

/** The command line of a process: its arguments, its streams, its signals, its exit code. */
export async function runCommandLine(process: NodeJS.Process): Promise<void> {
  const interrupted = new AbortController();
  let interruptedAt = 0;
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (interrupted.signal.aborted) {
        if (performance.now() - interruptedAt > ONE_SIGNAL_MS) process.exit(exitCodes.interrupted);
        return;
      }
      interruptedAt = performance.now();
      interrupted.abort(new Error(`interrupted by ${name}`));
    });
  }
  // `millrace ledger | head` closes the pipe when it has seen enough.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(exitCodes.ok);
    throw error;
  });
  process.exitCode = await runCommand({
    argv: process.argv.slice(2),
    stdout: process.stdout,
    stderr: process.stderr,
    signal: interrupted.signal,
  });
  setTimeout(() => process.exit(), LINGER_LIMIT_MS).unref();
}

import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { examples, type AddCommand } from '../add-command.ts';
import { exitCodes } from '../exit-code.ts';
import type { StartOptions } from '../run-everything.ts';

/** A supervisor that was just killed frees its lock at once; one that stops in order takes this long at most. */
const LOCK_WAIT_MS = 2_000;

export const addStart: AddCommand = (program, act) => {
  program
    .command('start')
    .summary('start everything and keep it running')
    .description(
      'Starts the servers, applies the project, starts its workflows and all processes: gateway, serving, console, and the orchestration, stream and training workers. A process that crashes is started again. Stays in the foreground; Ctrl+C ends the processes in order. With --json it prints its addresses once all processes answer.',
    )
    .option('--no-up', 'the servers run already: start none')
    .option('--no-apply', 'the project is applied already: start the processes only')
    .option('--docker', 'use Docker Compose first for the servers')
    .option('--stop-servers', 'stop the servers too when it ends')
    .addHelpText(
      'after',
      examples('millrace start', 'millrace start --project examples/flights/project.ts --stop-servers'),
    )
    .action(
      act(async (context, options: StartOptions) => {
        const lock = {
          lockFile: path.join(context.options.dataDir, 'processes.lock'),
          what: `the processes of '${context.options.dataDir}'`,
          signal: context.signal,
          waitLimitMs: LOCK_WAIT_MS,
          onWait: (pid: number) => context.output.note(`Process ${pid} runs them already.`),
        };
        await mkdir(context.options.dataDir, { recursive: true });
        const { withFileLock } = await import('../../stack/file-lock.ts');
        const { runEverything } = await import('../run-everything.ts');
        await withFileLock(lock, () => runEverything(context, options));
        return exitCodes.ok;
      }),
    );
};

import { spawn } from 'node:child_process';
import { Argument } from 'commander';
import { processNames, type ProcessName } from '../../workers/process-name.ts';
import { workerArguments } from '../../workers/worker-arguments.ts';
import { examples, type AddCommand } from '../add-command.ts';
import { exitCodes, type ExitCode } from '../exit-code.ts';

export const addRun: AddCommand = (program, act) => {
  program
    .command('run')
    .summary('run one process in the foreground')
    .description(
      'Runs one process of Millrace in the foreground with its log on standard output, for containers: no supervisor, no restart. SIGTERM and SIGINT end it in order.',
    )
    .addArgument(new Argument('<process>', 'which one').choices(processNames))
    .addHelpText('after', examples('millrace run serving', 'MILLRACE_LOG_LEVEL=debug millrace run stream'))
    .action(
      act(async (context, name: ProcessName) =>
        runForeground(name, await context.environment(), context.signal),
      ),
    );
};

function runForeground(
  name: ProcessName,
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<ExitCode> {
  const child = spawn(process.execPath, workerArguments(name), {
    env: environment,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  signal.addEventListener('abort', () => child.kill('SIGTERM'), { once: true });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => {
      if (code === 0) resolve(exitCodes.ok);
      else resolve(code === exitCodes.usage ? exitCodes.usage : exitCodes.failed);
    });
  });
}

import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { withFileLock } from '../../stack/file-lock.ts';
import { startStack, type RunningStack } from '../../stack/start-stack.ts';
import { describeProcessEvent, startSupervisor, type Supervisor } from '../../workers/supervisor.ts';
import { examples, type AddCommand } from '../add-command.ts';
import { applyAndStartWorkflows } from '../apply-project.ts';
import { awaitProcesses } from '../await-processes.ts';
import { chooseProcessPorts } from '../choose-ports.ts';
import type { CommandContext } from '../command-context.ts';
import { exitCodes } from '../exit-code.ts';
import { gatewayUrlOf, servingUrlOf } from '../process-urls.ts';
import { tellStackProgress } from '../stack-progress.ts';
import { renderPairs } from '../table.ts';

/** A supervisor that was just killed frees its lock at once; one that stops in order takes this long at most. */
const LOCK_WAIT_MS = 2_000;
const FOREVER_MS = 2 ** 31 - 1;

interface StartOptions {
  readonly up: boolean;
  readonly apply: boolean;
  readonly docker?: boolean;
  readonly stopServers?: boolean;
}

export const addStart: AddCommand = (program, act) => {
  program
    .command('start')
    .summary('start everything and keep it running')
    .description(
      'Starts the servers, applies the project, starts its workflows and all processes: gateway, serving, and the orchestration, stream and training workers. A process that crashes is started again. Stays in the foreground; Ctrl+C ends the processes in order. With --json it prints its addresses once all processes answer.',
    )
    .option('--no-up', 'the servers run already: start none')
    .option('--no-apply', 'the project is applied already: start the processes only')
    .option('--docker', 'use Docker Compose first for the servers')
    .option('--stop-servers', 'stop the servers too when it ends')
    .addHelpText('after', examples('millrace start', 'millrace start --project examples/flights/project.ts --stop-servers'))
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
        await withFileLock(lock, () => runEverything(context, options));
        return exitCodes.ok;
      }),
    );
};

async function runEverything(context: CommandContext, options: StartOptions): Promise<void> {
  let stack: RunningStack | undefined;
  let supervisor: Supervisor | undefined;
  try {
    if (options.up) {
      stack = await startStack({
        dataDir: context.options.dataDir,
        docker: options.docker === true,
        environment: context.givenEnvironment,
        signal: context.signal,
        onProgress: tellStackProgress(context),
      });
    }
    if (options.apply) await applyAndStartWorkflows(context);
    context.signal.throwIfAborted();
    supervisor = await startProcesses(context);
    await awaitProcesses(context, supervisor);
    await announce(context);
    await untilAborted(context.signal);
  } finally {
    if (context.signal.aborted) context.output.note('Stopping. Again to end at once.');
    await supervisor?.stop();
    stack?.unwatch();
    if (options.stopServers === true) await stack?.stop();
  }
}

async function startProcesses(context: CommandContext): Promise<Supervisor> {
  return startSupervisor({
    dataDir: context.options.dataDir,
    environment: await context.environment(),
    ports: await chooseProcessPorts(context.options.dataDir, context.givenEnvironment),
    onEvent: (event) => context.output.note(describeProcessEvent(event)),
  });
}

async function announce(context: CommandContext): Promise<void> {
  const environment = await context.environment();
  const addresses = Object.entries(environment).filter(([name, value]) => name.startsWith('MILLRACE_') && value !== undefined);
  const document = {
    environment: Object.fromEntries(addresses) as Record<string, string>,
    gatewayUrl: gatewayUrlOf(environment),
    servingUrl: servingUrlOf(environment),
    temporalUiUrl: environment['MILLRACE_TEMPORAL_UI_URL'] ?? null,
  };
  context.output.result(document, () =>
    [
      'Millrace runs. Ctrl+C ends it.',
      '',
      renderPairs([
        ['Predictions', `${document.servingUrl}/v1/models/<model>/predict`],
        ['Events', `${document.gatewayUrl}/v1/events/<source>`],
        ['Metrics', `${document.servingUrl}/metrics`],
        ['Temporal UI', document.temporalUiUrl ?? 'not started here'],
        ['Logs', path.join(context.options.dataDir, 'logs')],
      ]),
    ].join('\n'),
  );
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) await sleep(FOREVER_MS, undefined, { signal }).catch(() => undefined);
}

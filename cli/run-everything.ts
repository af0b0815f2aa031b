import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startStack, type RunningStack } from '../stack/start-stack.ts';
import { consoleUrlOf, gatewayUrlOf, servingGrpcAddressOf, servingUrlOf } from '../workers/process-urls.ts';
import { describeProcessEvent, startSupervisor, type Supervisor } from '../workers/supervisor.ts';
import { applyAndStartWorkflows } from './apply-project.ts';
import { awaitProcesses } from './await-processes.ts';
import { chooseProcessPorts } from './choose-ports.ts';
import type { CommandContext } from './command-context.ts';
import { tellStackProgress } from './stack-progress.ts';
import { renderPairs } from './table.ts';

const FOREVER_MS = 2 ** 31 - 1;

export interface StartOptions {
  readonly up: boolean;
  readonly apply: boolean;
  readonly docker?: boolean;
  readonly stopServers?: boolean;
}

/** Servers, project, workflows, processes; says where they are, and ends the processes when it is told to stop. */
export async function runEverything(context: CommandContext, options: StartOptions): Promise<void> {
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
  const addresses = Object.entries(environment).filter(
    ([name, value]) => name.startsWith('MILLRACE_') && value !== undefined,
  );
  const document = {
    environment: Object.fromEntries(addresses) as Record<string, string>,
    consoleUrl: consoleUrlOf(environment),
    gatewayUrl: gatewayUrlOf(environment),
    servingUrl: servingUrlOf(environment),
    servingGrpcAddress: servingGrpcAddressOf(environment),
    temporalUiUrl: environment['MILLRACE_TEMPORAL_UI_URL'] ?? null,
  };
  context.output.result(document, () =>
    [
      'Millrace runs. Ctrl+C ends it.',
      '',
      renderPairs([
        ['Console', document.consoleUrl],
        ['Predictions', `${document.servingUrl}/v1/models/<model>/predict`],
        ['Features, gRPC', `${document.servingGrpcAddress} (millrace.v1.FeatureStore)`],
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

import type { CommandContext } from './command-context.ts';
import { exitCodes, type ExitCode } from './exit-code.ts';
import { lifecycleOf } from './lifecycle-client.ts';
import { withTemporal } from './open-servers.ts';

/** Sends one signal to a model's lifecycle and says so: the workflow acts on it, not this command. */
export async function signalLifecycle(
  context: CommandContext,
  model: string,
  signal: string,
  payload: unknown,
): Promise<ExitCode> {
  await withTemporal(
    context,
    `signalling '${signal}' to the lifecycle of '${model}'`,
    async (client, config) => {
      const lifecycle = lifecycleOf(client, config.namespace, model);
      await lifecycle.signal(signal, payload);
      context.output.result({ model, signal, workflowId: lifecycle.workflowId, payload }, () =>
        [
          `Signalled '${signal}' to ${lifecycle.workflowId}.`,
          `Follow it: millrace status, millrace ledger ${model}`,
        ].join('\n'),
      );
    },
  );
  return exitCodes.ok;
}

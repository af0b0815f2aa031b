import { lifecycleSignals, type PromoteRequest } from '../../src/contracts/lifecycle.ts';
import { examples, parsePositiveInteger, type AddCommand } from '../add-command.ts';
import { operatorName } from '../lifecycle-client.ts';
import { signalLifecycle } from '../signal-lifecycle.ts';

export const addPromote: AddCommand = (program, act) => {
  program
    .command('promote')
    .summary('make a version the champion')
    .description(
      'Makes a registered version the champion, without a rollout. Serving follows within a second.',
    )
    .argument('<model>', 'model name')
    .argument('<version>', 'version number', parsePositiveInteger)
    .option('--reason <text>', 'why, for the ledger', 'promoted on the command line')
    .addHelpText('after', examples('millrace promote flight_delay 3 --reason "canary looked at by hand"'))
    .action(
      act(async (context, model: string, version: number, options: { reason: string }) => {
        const request: PromoteRequest = { version, requestedBy: operatorName(), reason: options.reason };
        return signalLifecycle(context, model, lifecycleSignals.promote, request);
      }),
    );
};

import { lifecycleSignals, type OperatorNote } from '../../src/contracts/lifecycle.ts';
import { examples, type AddCommand } from '../add-command.ts';
import { operatorName } from '../lifecycle-client.ts';
import { signalLifecycle } from '../signal-lifecycle.ts';

export const addPause: AddCommand = (program, act) => {
  program
    .command('pause')
    .summary("stop a model's lifecycle from acting")
    .description(
      "Keeps a model's lifecycle from starting training or rollouts. What serves goes on serving, and triggers are kept for the resume.",
    )
    .argument('<model>', 'model name')
    .option('--reason <text>', 'why, for the ledger', 'paused on the command line')
    .addHelpText('after', examples('millrace pause flight_delay --reason "airport closed"'))
    .action(
      act(async (context, model: string, options: { reason: string }) => {
        const note: OperatorNote = { requestedBy: operatorName(), reason: options.reason };
        return signalLifecycle(context, model, lifecycleSignals.pause, note);
      }),
    );
};

import { lifecycleSignals, type OperatorNote } from '../../src/contracts/lifecycle.ts';
import { examples, type AddCommand } from '../add-command.ts';
import { operatorName } from '../lifecycle-client.ts';
import { signalLifecycle } from '../signal-lifecycle.ts';

export const addResume: AddCommand = (program, act) => {
  program
    .command('resume')
    .summary('let a paused lifecycle act again')
    .description('Lets a paused lifecycle act again.')
    .argument('<model>', 'model name')
    .option('--reason <text>', 'why, for the ledger', 'resumed on the command line')
    .addHelpText('after', examples('millrace resume flight_delay'))
    .action(
      act(async (context, model: string, options: { reason: string }) => {
        const note: OperatorNote = { requestedBy: operatorName(), reason: options.reason };
        return signalLifecycle(context, model, lifecycleSignals.resume, note);
      }),
    );
};

import { lifecycleSignals, type OperatorNote } from '../../src/contracts/lifecycle.ts';
import { examples, type AddCommand } from '../add-command.ts';
import { operatorName } from '../lifecycle-client.ts';
import { signalLifecycle } from '../signal-lifecycle.ts';

export const addApprove: AddCommand = (program, act) => {
  program
    .command('approve')
    .summary('approve a rollout that waits for it')
    .description('Approves the rollout of a model whose policy asks for approval.')
    .argument('<model>', 'model name')
    .option('--reason <text>', 'why, for the ledger', 'approved on the command line')
    .addHelpText('after', examples('millrace approve flight_delay --reason "report read"'))
    .action(
      act(async (context, model: string, options: { reason: string }) => {
        const note: OperatorNote = { requestedBy: operatorName(), reason: options.reason };
        return signalLifecycle(context, model, lifecycleSignals.approve, note);
      }),
    );
};

import { lifecycleSignals, type LifecycleEvent, type OperatorNote } from '../../src/contracts/lifecycle.ts';
import { examples, withWait, type AddCommand } from '../add-command.ts';
import { assertRegistered } from '../assert-registered.ts';
import { followCommand, type CommandWait } from '../follow-command.ts';
import { operatorName } from '../lifecycle-client.ts';

export const addApprove: AddCommand = (program, act) => {
  withWait(program.command('approve'))
    .summary('approve a rollout that waits for it')
    .description('Approves the rollout of a model whose policy asks for approval.')
    .argument('<model>', 'model name')
    .option('--reason <text>', 'why, for the ledger', 'approved on the command line')
    .addHelpText('after', examples('millrace approve flight_delay --reason "report read"'))
    .action(
      act(async (context, model: string, options: CommandWait & { reason: string }) => {
        const note: OperatorNote = { requestedBy: operatorName(), reason: options.reason };
        await assertRegistered(context, model, null);
        const outcomeOf = ({ what }: LifecycleEvent) => (what === 'approved' ? 'done' : what === 'approval not used' || what === 'approve not taken' ? 'refused' : null);
        return followCommand(context, model, { kind: 'approve', signal: lifecycleSignals.approve, payload: note, outcomeOf }, options);
      }),
    );
};

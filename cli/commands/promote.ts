import { lifecycleSignals, type LifecycleEvent, type PromoteRequest } from '../../src/contracts/lifecycle.ts';
import { examples, parsePositiveInteger, withWait, type AddCommand } from '../add-command.ts';
import { assertRegistered } from '../assert-registered.ts';
import { followCommand, type CommandWait } from '../follow-command.ts';
import { operatorName } from '../lifecycle-client.ts';

export const addPromote: AddCommand = (program, act) => {
  withWait(program.command('promote'))
    .summary('make a version the champion')
    .description(
      'Makes a registered version the champion, without a rollout. Serving follows within a second.',
    )
    .argument('<model>', 'model name')
    .argument('<version>', 'version number', parsePositiveInteger)
    .option('--reason <text>', 'why, for the ledger', 'promoted on the command line')
    .addHelpText('after', examples('millrace promote flight_delay 3 --wait --reason "canary looked at by hand"'))
    .action(
      act(async (context, model: string, version: number, options: CommandWait & { reason: string }) => {
        const request: PromoteRequest = { version, requestedBy: operatorName(), reason: options.reason };
        await assertRegistered(context, model, version);
        const outcomeOf = ({ what, version: of }: LifecycleEvent) => (what === 'promoted' && of === version ? 'done' : what.startsWith('promote ') ? 'refused' : null);
        return followCommand(context, model, { kind: 'promote', signal: lifecycleSignals.promote, payload: request, outcomeOf }, options);
      }),
    );
};

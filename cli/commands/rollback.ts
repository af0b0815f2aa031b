import { lifecycleSignals, type LifecycleEvent, type RollbackRequest, type Verdict } from '../../src/contracts/lifecycle.ts';
import { examples, parsePositiveInteger, withWait, type AddCommand } from '../add-command.ts';
import { assertRegistered } from '../assert-registered.ts';
import { followCommand, type CommandWait } from '../follow-command.ts';
import { operatorName } from '../lifecycle-client.ts';

/** Verdicts of a rollout that restores the allocation. */
const ended: readonly Verdict[] = ['cancelled', 'rolled-back', 'inconclusive'];

export const addRollback: AddCommand = (program, act) => {
  withWait(program.command('rollback'))
    .summary('restore an earlier champion')
    .description(
      'Restores the champion before the present one, or the named version, and ends a rollout under way.',
    )
    .argument('<model>', 'model name')
    .option('--to <version>', 'version to restore instead', parsePositiveInteger)
    .option('--reason <text>', 'why, for the ledger', 'rolled back on the command line')
    .addHelpText(
      'after',
      examples(
        'millrace rollback flight_delay --wait',
        'millrace rollback flight_delay --to 1 --reason "complaints"',
      ),
    )
    .action(
      act(async (context, model: string, options: CommandWait & { to?: number; reason: string }) => {
        const request: RollbackRequest = {
          toVersion: options.to ?? null,
          requestedBy: operatorName(),
          reason: options.reason,
        };
        await assertRegistered(context, model, request.toVersion);
        // Of a rollout under way it asks for the end alone.
        const done = ['rolled back', ...(request.toVersion === null ? ended : [])];
        const outcomeOf = ({ what }: LifecycleEvent) => (done.includes(what) ? 'done' : what.startsWith('rollback ') ? 'refused' : null);
        return followCommand(context, model, { kind: 'rollback', signal: lifecycleSignals.rollback, payload: request, outcomeOf }, options);
      }),
    );
};

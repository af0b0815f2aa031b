import { lifecycleSignals, type RollbackRequest } from '../../src/contracts/lifecycle.ts';
import { examples, parsePositiveInteger, type AddCommand } from '../add-command.ts';
import { operatorName } from '../lifecycle-client.ts';
import { signalLifecycle } from '../signal-lifecycle.ts';

export const addRollback: AddCommand = (program, act) => {
  program
    .command('rollback')
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
        'millrace rollback flight_delay',
        'millrace rollback flight_delay --to 1 --reason "complaints"',
      ),
    )
    .action(
      act(async (context, model: string, options: { to?: number; reason: string }) => {
        const request: RollbackRequest = {
          toVersion: options.to ?? null,
          requestedBy: operatorName(),
          reason: options.reason,
        };
        return signalLifecycle(context, model, lifecycleSignals.rollback, request);
      }),
    );
};

import { lifecycleSignals, type RolloutRequest } from '../../src/contracts/lifecycle.ts';
import { examples, parsePositiveInteger, type AddCommand } from '../add-command.ts';
import { operatorName } from '../lifecycle-client.ts';
import { withRegistry } from '../open-servers.ts';
import { signalLifecycle } from '../signal-lifecycle.ts';

export const addRollout: AddCommand = (program, act) => {
  program
    .command('rollout')
    .summary('take a version through shadow and canary')
    .description(
      "Takes a registered version, such as an imported one, through the steps of the model's policy: shadow, canary, promotion, or back where the judge finds a breach.",
    )
    .argument('<model>', 'model name')
    .argument('<version>', 'version number', parsePositiveInteger)
    .option('--reason <text>', 'why, for the ledger', 'rolled out on the command line')
    .addHelpText('after', examples('millrace rollout flight_delay 9 --reason "LightGBM of last week"'))
    .action(
      act(async (context, model: string, version: number, options: { reason: string }) => {
        await withRegistry(context, (registry) => registry.assertJudged(model, version));
        const request: RolloutRequest = { version, requestedBy: operatorName(), reason: options.reason };
        return signalLifecycle(context, model, lifecycleSignals.rollout, request);
      }),
    );
};

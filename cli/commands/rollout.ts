import { lifecycleSignals, type RolloutRequest } from '../../src/contracts/lifecycle.ts';
import { MillraceError } from '../../src/core/millrace-error.ts';
import { examples, parsePositiveInteger, type AddCommand } from '../add-command.ts';
import type { CommandContext } from '../command-context.ts';
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
        await assertJudged(context, model, version);
        const request: RolloutRequest = { version, requestedBy: operatorName(), reason: options.reason };
        return signalLifecycle(context, model, lifecycleSignals.rollout, request);
      }),
    );
};

/** Models without a feature service leave no decisions: a rollout would wait for evidence that never comes. */
async function assertJudged(context: CommandContext, model: string, version: number): Promise<void> {
  const unjudged = await withRegistry(context, (registry) => registry.listTensorModels());
  if (!unjudged.includes(model)) return;
  throw new MillraceError(
    'REQUEST_INVALID',
    `Rollout of '${model}' version ${version}: the model has no feature service, so no decisions, and nothing to judge a version by. Use 'millrace promote ${model} ${version}', and 'millrace rollback ${model}' to go back.`,
  );
}

import { lifecycleSignals, type LifecycleEvent, type RolloutRequest } from '../../src/contracts/lifecycle.ts';
import { examples, parsePositiveInteger, withWait, type AddCommand } from '../add-command.ts';
import { assertRegistered } from '../assert-registered.ts';
import { followCommand, type CommandWait } from '../follow-command.ts';
import { operatorName } from '../lifecycle-client.ts';
import { withRegistry } from '../open-servers.ts';

const TIMEOUT_MS_DEFAULT = 2 * 3_600_000;
/** What a lifecycle says of a rollout that ended otherwise than promoted. */
const ends: readonly string[] = ['rolled-back', 'inconclusive', 'cancelled', 'refused', 'rollout failed'];

export const addRollout: AddCommand = (program, act) => {
  withWait(program.command('rollout'), TIMEOUT_MS_DEFAULT)
    .summary('take a version through shadow and canary')
    .description(
      "Takes a registered version, such as an imported one, through the steps of the model's policy: shadow, canary, promotion, or back where the judge finds a breach.",
    )
    .argument('<model>', 'model name')
    .argument('<version>', 'version number', parsePositiveInteger)
    .option('--reason <text>', 'why, for the ledger', 'rolled out on the command line')
    .addHelpText('after', examples('millrace rollout flight_delay 9 --reason "LightGBM of last week"'))
    .action(
      act(async (context, model: string, version: number, options: CommandWait & { reason: string }) => {
        await assertRegistered(context, model, version);
        await withRegistry(context, (registry) => registry.assertJudged(model, version));
        const request: RolloutRequest = { version, requestedBy: operatorName(), reason: options.reason };
        const outcomeOf = ({ what, version: of, why }: LifecycleEvent) => {
          if (what === 'rollout not taken' || (what === 'rollout asked for' && why.includes(`; instead of version ${version}`))) return 'refused';
          if (of !== version) return null;
          return what === 'promoted' ? 'done' : ends.includes(what) ? 'refused' : null;
        };
        return followCommand(context, model, { kind: 'rollout', signal: lifecycleSignals.rollout, payload: request, outcomeOf }, options);
      }),
    );
};

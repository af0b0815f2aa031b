import { lifecycleSignals, type RetrainRequest } from '../../src/contracts/lifecycle.ts';
import { examples, parseKeep, parsePositiveInteger, type AddCommand } from '../add-command.ts';
import type { AppliedProject } from '../apply-project.ts';
import { planDocument } from '../describe-plan.ts';
import { exitCodes } from '../exit-code.ts';
import { lifecycleOf, operatorName } from '../lifecycle-client.ts';
import { withTemporal } from '../open-servers.ts';
import type { CommandContext } from '../command-context.ts';

interface ApplyOptions {
  readonly keep?: number;
  readonly rate?: number;
  readonly wait?: boolean;
  readonly retrain?: boolean;
}

export const addApply: AddCommand = (program, act) => {
  program
    .command('apply')
    .summary('make the project real')
    .description(
      "Creates the project's topics, tables, registry rows, workflows and schedules. A new version of a view is filled from history beside the old one, compared and made current, by a workflow that runs on. Versions that no model needs any more go. All checks come first; applying again changes nothing.",
    )
    .option('--keep <duration>', 'how long replaced versions of views are kept (default 7d)', parseKeep)
    .option('--rate <rows>', 'rows a second that a backfill may read (default 100000)', parsePositiveInteger)
    .option('--wait', 'wait until every new version of a view is current')
    .option('--retrain', 'wait, then ask for a retraining of the models touched')
    .addHelpText(
      'after',
      examples('millrace apply --project examples/flights/project.ts', 'millrace apply --wait --rate 20000'),
    )
    .action(
      act(async (context, options: ApplyOptions) => {
        const { applyAndStartWorkflows } = await import('../apply-project.ts');
        const applied = await applyAndStartWorkflows(context, {
          ...(options.keep === undefined ? {} : { keepMs: options.keep }),
          ...(options.rate === undefined ? {} : { rowsPerSecond: options.rate }),
          wait: options.wait === true || options.retrain === true,
        });
        const retrained = options.retrain === true ? await retrain(context, applied) : [];
        const { backfills, filled } = applied;
        context.output.result({ ...planDocument(applied.plan), workflows: backfills, filled, retrained }, () =>
          describe(applied, retrained),
        );
        return exitCodes.ok;
      }),
    );
};

async function retrain(
  context: CommandContext,
  { plan: { modelsTouched }, filled }: AppliedProject,
): Promise<string[]> {
  await withTemporal(context, 'asking for retrainings', async (client, { namespace }) => {
    for (const model of modelsTouched) {
      const request: RetrainRequest = {
        trigger: 'manual',
        reason: `its views changed: ${filled.map(({ view, version }) => `${view} version ${version}`).join(', ')}`,
        requestedBy: operatorName(),
        dataCut: null,
      };
      await lifecycleOf(client, namespace, model).signal(lifecycleSignals.retrain, request);
    }
  });
  return [...modelsTouched];
}

function describe({ plan, backfills, filled }: AppliedProject, retrained: readonly string[]): string {
  if (plan.steps.length === 0) return 'Nothing to do: the project is applied as it is.';
  const done = filled.map(({ view, version, events, compared }) =>
    compared === null
      ? `${view} version ${version} was left: another version took its place.`
      : `${view} version ${version} is current: ${events} events, ${compared.values} values of ${compared.keys} keys compared with the raw rows, all equal.`,
  );
  const running =
    filled.length > 0 || backfills.length === 0
      ? []
      : [
          `Filled in the background, the old versions serve meanwhile. Follow it: millrace views`,
          ...(plan.modelsTouched.length === 0
            ? []
            : [`Once they are current: ${plan.modelsTouched.map((model) => `millrace train ${model}`).join(', ')}`]),
        ];
  return [
    `Applied: ${plan.steps.length} steps.`,
    ...done,
    ...running,
    ...(retrained.length === 0 ? [] : [`Retraining asked for: ${retrained.join(', ')}.`]),
  ].join('\n');
}

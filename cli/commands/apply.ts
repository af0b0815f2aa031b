import { examples, type AddCommand } from '../add-command.ts';
import { planDocument } from '../describe-plan.ts';
import { exitCodes } from '../exit-code.ts';

export const addApply: AddCommand = (program, act) => {
  program
    .command('apply')
    .summary('make the project real')
    .description(
      "Creates the project's topics, tables, registry rows, workflows and schedules, and rebuilds the states of new views from history. All checks come first; applying again changes nothing.",
    )
    .addHelpText('after', examples('millrace apply --project examples/flights/project.ts'))
    .action(
      act(async (context) => {
        const { applyAndStartWorkflows } = await import('../apply-project.ts');
        const plan = await applyAndStartWorkflows(context);
        context.output.result(planDocument(plan), () =>
          plan.steps.length === 0
            ? 'Nothing to do: the project is applied as it is.'
            : `Applied: ${plan.steps.length} steps.`,
        );
        return exitCodes.ok;
      }),
    );
};

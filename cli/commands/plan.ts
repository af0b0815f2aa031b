import { examples, type AddCommand } from '../add-command.ts';
import { describePlan, planDocument } from '../describe-plan.ts';
import { exitCodes } from '../exit-code.ts';

export const addPlan: AddCommand = (program, act) => {
  program
    .command('plan')
    .summary('show what apply would do')
    .description(
      "Shows what a changed project would create, alter and recompute, and which models it touches. Changes nothing but Millrace's own tables. Exit code 5 where it can't be applied.",
    )
    .addHelpText('after', examples('millrace plan --project examples/flights/project.ts'))
    .action(
      act(async (context) => {
        const { planOnly } = await import('../apply-project.ts');
        const plan = await planOnly(context);
        context.output.result(planDocument(plan), () => describePlan(plan));
        return plan.problems.length === 0 ? exitCodes.ok : exitCodes.refused;
      }),
    );
};

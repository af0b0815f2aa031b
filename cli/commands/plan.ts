import { examples, parseKeep, parsePositiveInteger, type AddCommand } from '../add-command.ts';
import { describePlan, planDocument } from '../describe-plan.ts';
import { exitCodes } from '../exit-code.ts';

interface PlanOptions {
  readonly keep?: number;
  readonly rate?: number;
}

export const addPlan: AddCommand = (program, act) => {
  program
    .command('plan')
    .summary('show what apply would do')
    .description(
      "Shows what a changed project would create, alter, recompute and remove; for each view to be recomputed its rows, keys, bytes in Redis and minutes; and what happens to the models that it touches. Changes nothing but Millrace's own tables. Exit code 5 where it can't be applied.",
    )
    .option('--keep <duration>', 'how long replaced versions of views are kept (default 7d)', parseKeep)
    .option('--rate <rows>', 'rows a second that a backfill may read (default 100000)', parsePositiveInteger)
    .addHelpText('after', examples('millrace plan --project examples/flights/project.ts'))
    .action(
      act(async (context, options: PlanOptions) => {
        const { planOnly } = await import('../apply-project.ts');
        const planned = await planOnly(context, {
          ...(options.keep === undefined ? {} : { keepMs: options.keep }),
          ...(options.rate === undefined ? {} : { rowsPerSecond: options.rate }),
        });
        context.output.result(planDocument(planned.plan, planned.estimates), () => describePlan(planned));
        return planned.plan.problems.length === 0 ? exitCodes.ok : exitCodes.refused;
      }),
    );
};

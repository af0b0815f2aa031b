import { examples, type AddCommand } from '../add-command.ts';
import { describeStatus } from '../describe-status.ts';
import { exitCodes } from '../exit-code.ts';

export const addStatus: AddCommand = (program, act) => {
  program
    .command('status')
    .summary('what runs, what serves, what is behind')
    .description(
      'Shows the processes, each model with its lifecycle, allocation and serving processes, the lag of ingestion and whether every event is accounted for. Exit code 3 where a part could not be read.',
    )
    .addHelpText('after', examples('millrace status', "millrace status --json | jq '.models[0].allocation'"))
    .action(
      act(async (context) => {
        const { readStatus } = await import('../read-status.ts');
        const status = await readStatus(context);
        context.output.result(status, () => describeStatus(status));
        return status.problems.length === 0 ? exitCodes.ok : exitCodes.away;
      }),
    );
};

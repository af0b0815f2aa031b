import { loadProject } from '../../src/infra/load-project.ts';
import { listDeadLetters, type DeadLetter } from '../../src/store/list-dead-letters.ts';
import { examples, parsePositiveInteger, type AddCommand } from '../add-command.ts';
import { exitCodes } from '../exit-code.ts';
import { withPostgres } from '../open-servers.ts';
import { sourcesNamed } from '../sources-named.ts';
import { renderTable } from '../table.ts';

const LETTERS_DEFAULT = 50;

export const addDeadLetters: AddCommand = (program, act) => {
  program
    .command('dead-letters')
    .summary('list events that could not be taken')
    .description(
      'Lists the newest dead letters with their cause and where they are in Kafka; with --json also their payloads.',
    )
    .argument('[source]', 'source name')
    .option('--limit <letters>', 'how many', parsePositiveInteger, LETTERS_DEFAULT)
    .addHelpText('after', examples('millrace dead-letters flight_arrived --limit 5'))
    .action(
      act(async (context, source: string | undefined, options: { limit: number }) => {
        await withPostgres(context, async (postgres) => {
          const letters = await listDeadLetters(postgres, source ?? null, options.limit);
          // A source that the project had once may have some still.
          if (letters.length === 0 && source !== undefined) {
            const { project } = context.options;
            sourcesNamed(await loadProject(project), source, project);
          }
          context.output.result(letters, () => letterTable(letters));
        });
        return exitCodes.ok;
      }),
    );
};

function letterTable(letters: readonly DeadLetter[]): string {
  if (letters.length === 0) return 'No dead letters.';
  return renderTable(
    [{ title: 'SOURCE' }, { title: 'AT', align: 'right' }, { title: 'CODE' }, { title: 'MESSAGE' }],
    letters.map(({ source, partition, offset, code, message }) => [
      source,
      `${partition}/${offset}`,
      code,
      message,
    ]),
  );
}

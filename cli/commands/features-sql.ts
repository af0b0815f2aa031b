import { InvalidArgumentError } from 'commander';
import type { Fence } from '../../src/contracts/decision.ts';
import { loadProject } from '../../src/infra/load-project.ts';
import { examples, parseMoment, type AddCommand } from '../add-command.ts';
import { exitCodes } from '../exit-code.ts';
import { viewNamed } from '../view-named.ts';

interface SqlOptions {
  readonly asOf?: number;
  readonly entity?: readonly string[];
  readonly fence?: Fence;
}

export const addFeaturesSql: AddCommand = (features, act) => {
  features
    .command('sql')
    .summary('the query of a feature view')
    .description(
      "Prints the SQL that computes a view's features from the raw rows of its source's offline log: what they are by definition, independent of the states that serve them. It runs in Millrace's database.",
    )
    .argument('<view>', 'feature view name')
    .option('--as-of <time>', 'moment: ISO 8601 or ms since the epoch (default now)', parseMoment)
    .option('--entity <values...>', "the entity's key fields in order (default every entity)")
    .option('--fence <offsets...>', 'only events up to partition=offset, whenever known', parseFence)
    .addHelpText(
      'after',
      examples(
        'millrace features sql origin_departed --as-of 2013-07-01T12:00:00Z',
        'millrace features sql route_arrived --entity JFK SFO --fence 0=120345',
      ),
    )
    .action(
      act(async (context, viewName: string, options: SqlOptions) => {
        const { project } = context.options;
        const view = viewNamed(await loadProject(project), viewName, project);
        const { readableQuery } = await import('../../src/store/sql/readable-query.ts');
        const sql = readableQuery(view, {
          asOf: options.asOf ?? null,
          key: options.entity ?? null,
          fence: options.fence ?? null,
        });
        context.output.result({ view: view.name, version: view.version, sql }, () => sql);
        return exitCodes.ok;
      }),
    );
};

/** For `.option`: one `partition=offset` after the other. */
function parseFence(text: string, before: Fence | undefined): Fence {
  const [, partition, offset] = /^(\d{1,4})=(-1|\d{1,15})$/.exec(text) ?? [];
  if (partition === undefined)
    throw new InvalidArgumentError("Expected partition=offset, such as '0=120345', one for each partition.");
  return { ...before, [partition]: Number(offset) };
}

import { InvalidArgumentError, Option } from 'commander';
import type { Fence } from '../../src/contracts/decision.ts';
import { MillraceError } from '../../src/core/millrace-error.ts';
import type { FeatureView } from '../../src/define/feature-view.ts';
import { loadProject } from '../../src/infra/load-project.ts';
import type { ReadableQuery } from '../../src/store/sql/readable-query.ts';
import { examples, parseMoment, type AddCommand } from '../add-command.ts';
import type { CommandContext } from '../command-context.ts';
import { exitCodes } from '../exit-code.ts';
import { withLogDatabase } from '../open-servers.ts';
import { NONE, renderTable } from '../table.ts';
import { viewNamed } from '../view-named.ts';

interface SqlOptions {
  readonly asOf?: number;
  readonly entity?: readonly string[];
  readonly fence?: Fence;
  readonly dialect: 'postgres' | 'duckdb';
  readonly run?: boolean;
}

export const addFeaturesSql: AddCommand = (features, act) => {
  features
    .command('sql')
    .summary('the query of a feature view')
    .description(
      "Prints the SQL that computes a view's features from the raw rows of its source's offline log: what they are by definition, independent of the states that serve them. It runs in Millrace's database; with --dialect duckdb it runs in DuckDB over the exported files, which are named in what comes before it. --run runs it here, over the files and what Postgres has.",
    )
    .argument('<view>', 'feature view name')
    .option('--as-of <time>', 'moment: ISO 8601 or ms since the epoch (default now)', parseMoment)
    .option('--entity <values...>', "the entity's key fields in order (default every entity)")
    .option('--fence <offsets...>', 'only events up to partition=offset, whenever known', parseFence)
    .addOption(new Option('--dialect <database>', 'whose SQL').choices(['postgres', 'duckdb']).default('postgres'))
    .option('--run', 'run it, with --dialect duckdb, and print the rows')
    .addHelpText(
      'after',
      examples(
        'millrace features sql origin_departed --as-of 2013-07-01T12:00:00Z',
        'millrace features sql route_arrived --entity JFK SFO --fence 0=120345',
        'millrace features sql origin_departed --dialect duckdb --run',
      ),
    )
    .action(
      act(async (context, viewName: string, options: SqlOptions) => {
        const { project } = context.options;
        const view = viewNamed(await loadProject(project), viewName, project);
        const query = { asOf: options.asOf ?? null, key: options.entity ?? null, fence: options.fence ?? null };
        if (options.dialect === 'duckdb') await answerInDuckdb(context, view, query, options.run === true);
        else if (options.run === true) throw runsInDuckdbOnly();
        else {
          const { readableQuery } = await import('../../src/store/sql/readable-query.ts');
          const sql = readableQuery(view, query);
          context.output.result({ view: view.name, version: view.version, sql }, () => sql);
        }
        return exitCodes.ok;
      }),
    );
};

async function answerInDuckdb(
  context: CommandContext,
  view: FeatureView,
  query: ReadableQuery,
  runs: boolean,
): Promise<void> {
  const { readableQuery } = await import('../../src/store/sql/readable-query.ts');
  const { duckdbDialect } = await import('../../src/store/sql/duckdb/duckdb-dialect.ts');
  const { duckdbPrelude, readViewInDuckdb } = await import('../../src/store/cold-log/duckdb-log.ts');
  const sql = readableQuery(view, query, duckdbDialect);
  const { name, version } = view;
  await withLogDatabase(context, async (db) => {
    if (runs) {
      const rows = await readViewInDuckdb(db, view, sql);
      const columns = [...view.entity.keys, 'as of', ...Object.keys(view.features)];
      context.output.result({ view: name, version, columns, rows }, () =>
        renderTable(
          columns.map((title) => ({ title })),
          rows.map((row) => row.map((value) => (value === null ? NONE : String(value)))),
        ),
      );
      return;
    }
    const text = `${await duckdbPrelude(db, view.source)}${sql}`;
    context.output.result({ view: name, version, sql: text }, () => text);
  });
}

const runsInDuckdbOnly = (): MillraceError =>
  new MillraceError(
    'REQUEST_INVALID',
    "Features sql: --run runs a query in DuckDB, found --dialect postgres. Add '--dialect duckdb', or run the printed query in Millrace's database.",
  );

/** For `.option`: one `partition=offset` after the other. */
function parseFence(text: string, before: Fence | undefined): Fence {
  const [, partition, offset] = /^(\d{1,4})=(-1|\d{1,15})$/.exec(text) ?? [];
  if (partition === undefined)
    throw new InvalidArgumentError("Expected partition=offset, such as '0=120345', one for each partition.");
  return { ...before, [partition]: Number(offset) };
}

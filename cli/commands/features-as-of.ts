import { Option } from 'commander';
import { loadProject } from '../../src/infra/load-project.ts';
import { MillraceError } from '../../src/core/millrace-error.ts';
import type { AsOfManifest, AsOfFileRequest } from '../../src/store/as-of/as-of-file.ts';
import type { OnlineSelection } from '../../src/store/online-catalog.ts';
import { examples, parseMoment, type AddCommand } from '../add-command.ts';
import { exitCodes } from '../exit-code.ts';
import { withPostgres } from '../open-servers.ts';
import { formatTime, NONE, renderPairs, renderTable } from '../table.ts';

interface AsOfOptions {
  readonly service?: string;
  readonly views?: string;
  readonly spine: string;
  readonly out: string;
  readonly mode: 'known' | 'happened';
  readonly compare?: boolean;
  readonly time?: string;
  readonly dataCut?: number;
}

const list = (text: string): string[] => text.split(',').map((name) => name.trim());

export const addFeaturesAsOf: AddCommand = (features, act) => {
  features
    .command('as-of')
    .summary('features for the keys and times of a file')
    .description(
      "Reads features for each row of a file of entity keys, request fields and times, by the fold of training and serving, into a file of the same rows with a manifest beside it. 'known' sees what was known at a row's time; 'happened' sees late events too, as if each had been known when it happened. --compare writes the values in which the two differ: what a data set that was joined on event times would leak.",
    )
    .requiredOption('--spine <file>', '.csv, .ndjson or .parquet with the times in a column')
    .requiredOption('--out <file>', '.csv, .ndjson or .parquet to write')
    .option('--service <name>', "a feature service's whole row")
    .option('--views <names>', 'feature views, with commas between')
    .addOption(
      new Option('--mode <mode>', 'which events a row sees').choices(['known', 'happened']).default('known'),
    )
    .option('--compare', 'write where the two modes differ')
    .option('--time <column>', "column of the times (default: 'asOf')")
    .option('--data-cut <time>', 'what was known later does not exist (default: all)', parseMoment)
    .addHelpText(
      'after',
      examples(
        'millrace features as-of --service flight_delay --spine rows.csv --out features.csv',
        'millrace features as-of --views origin_departed --spine rows.ndjson \\\n      --out leaks.csv --compare',
      ),
    )
    .action(
      act(async (context, options: AsOfOptions) => {
        const project = await loadProject(context.options.project);
        const { OnlineCatalog } = await import('../../src/store/online-catalog.ts');
        const plan = new OnlineCatalog(project).plan(selectionOf(options));
        const request: AsOfFileRequest = {
          plan,
          spine: options.spine,
          out: options.out,
          mode: options.compare === true ? 'compare' : options.mode,
          asOfColumn: options.time,
          dataCut: options.dataCut,
          signal: context.signal,
          onProgress: (rows) => {
            context.output.note(`${rows} rows read`);
          },
        };
        const manifest = await withPostgres(context, async (postgres, { postgresUrl }) => {
          const { writeAsOfFile } = await import('../../src/store/as-of/as-of-file.ts');
          return writeAsOfFile({ postgres, postgresUrl }, request);
        });
        context.output.result(manifest, () => describe(manifest, options.out));
        return exitCodes.ok;
      }),
    );
};

function selectionOf({ service, views }: AsOfOptions): OnlineSelection {
  if (service !== undefined && views === undefined) return { service };
  if (views !== undefined && service === undefined) return { views: list(views) };
  throw new MillraceError(
    'REQUEST_INVALID',
    'Features as of: expected exactly one of --service and --views. Name what is to be read.',
  );
}

function describe(
  { rows, dataCut, rowsAfterDataCut, stale, differences, mode }: AsOfManifest,
  out: string,
): string {
  const pairs: [string, string][] = [
    ['file', out],
    ['rows', String(rows)],
    ['mode', mode],
    ['data cut', dataCut === null ? NONE : formatTime(dataCut)],
  ];
  if (rowsAfterDataCut > 0) pairs.push(['rows after the cut', String(rowsAfterDataCut)]);
  for (const [view, count] of Object.entries(stale))
    if (count > 0) pairs.push([`stale in ${view}`, String(count)]);
  if (differences === undefined) return renderPairs(pairs);
  pairs.push(['rows that differ', String(differences.rows)]);
  if (differences.values === 0) return renderPairs(pairs);
  const byCount = Object.entries(differences.byFeature).sort(([, a], [, b]) => b - a);
  const table = renderTable(
    [{ title: 'FEATURE' }, { title: 'VALUES', align: 'right' }],
    byCount.map(([name, count]) => [name, String(count)]),
  );
  return `${renderPairs(pairs)}\n\n${table}`;
}

import os from 'node:os';
import path from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import type { HistoricalRequest } from '../../src/contracts/historical.ts';
import { loadColdLogConfig } from '../../src/infra/cold-log-config.ts';
import { loadProject } from '../../src/infra/load-project.ts';
import { MillraceError } from '../../src/core/millrace-error.ts';
import { fileRequestOf, type AsOfManifest } from '../../src/store/as-of/as-of-request.ts';
import type { OnlineReadPlan } from '../../src/store/online-catalog.ts';
import { examples, parseMoment, parsePositiveInteger, type AddCommand } from '../add-command.ts';
import type { CommandContext } from '../command-context.ts';
import { exitCodes } from '../exit-code.ts';
import { withLogDatabase } from '../open-servers.ts';
import { readByWorkflow } from '../read-by-workflow.ts';
import { formatTime, NONE, renderPairs, renderTable } from '../table.ts';

interface AsOfOptions {
  readonly service?: string;
  readonly views?: string;
  readonly spine?: string;
  readonly spineSql?: string;
  readonly out: string;
  readonly mode: 'known' | 'happened';
  readonly compare?: boolean;
  readonly time?: string;
  readonly dataCut?: number;
  readonly events?: Readonly<Record<string, string>>;
  readonly threads: number;
  readonly memoryMb?: number;
  readonly workflow?: boolean;
  readonly wait?: boolean;
}

const MEBIBYTE = 1_048_576;
const list = (text: string): string[] => text.split(',').map((name) => name.trim());

export const addFeaturesAsOf: AddCommand = (features, act) => {
  features
    .command('as-of')
    .summary('features for the keys and times of a file or a query')
    .description(
      "Reads features for each row of a file or query of entity keys, request fields and times, by the fold of training and serving, into a file of the same rows with a manifest beside it. 'known' sees what was known at a row's time; 'happened' sees late events too, as if each had been known when it happened. --compare writes the values in which the two differ: what a data set that was joined on event times would leak.",
    )
    .option('--spine <file>', '.csv, .ndjson, .parquet or .arrow with the times in a column')
    .option('--spine-sql <query>', "one SELECT in Millrace's Postgres instead of a file")
    .requiredOption('--out <file>', '.csv, .ndjson, .parquet or .arrow to write')
    .option('--service <name>', "a feature service's whole row")
    .option('--views <names>', 'feature views, with commas between')
    .addOption(
      new Option('--mode <mode>', 'which events a row sees').choices(['known', 'happened']).default('known'),
    )
    .option('--compare', 'write where the two modes differ')
    .option('--time <column>', "column of the times (default: 'asOf')")
    .option('--data-cut <time>', 'what was known later does not exist (default: all)', parseMoment)
    .option('--events <source=file...>', 'Parquet files of events instead of the offline log', parseEventFile)
    .option('--threads <count>', 'threads that read', parsePositiveInteger, os.availableParallelism())
    .option('--memory-mb <mebibytes>', 'what the chunk of one thread may take (default: 256)', parsePositiveInteger)
    .option('--workflow', 'as a Temporal workflow, over all orchestration workers')
    .option('--wait', 'wait for the workflow')
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
        const request = requestOf(options);
        const plan = new OnlineCatalog(project).plan(request.selection);
        if (options.workflow === true) return readByWorkflow(context, request, options.wait === true);
        const manifest = await readHere(context, plan, request, options.threads);
        context.output.result(manifest, () => describe(manifest, options.out));
        return exitCodes.ok;
      }),
    );
};

function readHere(
  context: CommandContext,
  plan: OnlineReadPlan,
  request: HistoricalRequest,
  threads: number,
): Promise<AsOfManifest> {
  const how = {
    threads,
    signal: context.signal,
    onChunk: (rows: number, ofRows: number) => {
      context.output.note(`${rows} of ${ofRows} rows read`);
    },
    onProgress: (rows: number) => {
      context.output.note(`${rows} rows written`);
    },
  };
  return withLogDatabase(context, async (postgres, { postgresUrl }) => {
    const { writeAsOfFile } = await import('../../src/store/as-of/as-of-file.ts');
    const coldLog = loadColdLogConfig(await context.environment());
    return writeAsOfFile({ postgres, postgresUrl, coldLog }, fileRequestOf(plan, request, how));
  });
}

/** What was asked for, with whole paths: workers have folders of their own. */
function requestOf(options: AsOfOptions): HistoricalRequest {
  const { spine, spineSql, out, mode, compare, time, dataCut, events, memoryMb } = options;
  if ((spine === undefined) === (spineSql === undefined)) throw expected('--spine and --spine-sql');
  return {
    selection: selectionOf(options),
    spine: spine === undefined ? { query: spineSql ?? '' } : path.resolve(spine),
    out: path.resolve(out),
    mode: compare === true ? 'compare' : mode,
    asOfColumn: time ?? null,
    dataCut: dataCut ?? null,
    eventFiles: events === undefined ? null : Object.fromEntries(Object.entries(events).map(([source, file]) => [source, path.resolve(file)])),
    memoryBytes: memoryMb === undefined ? null : memoryMb * MEBIBYTE,
  };
}

/** For `.option`: one `source=file` after the other. */
function parseEventFile(text: string, before: Readonly<Record<string, string>> | undefined): Readonly<Record<string, string>> {
  const at = text.indexOf('=');
  if (at < 1 || at === text.length - 1) throw new InvalidArgumentError("Expected source=file, such as 'payments=payments.parquet'.");
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

const expected = (options: string): MillraceError =>
  new MillraceError(
    'REQUEST_INVALID',
    `Features as of: expected exactly one of ${options}. Name what is to be read.`,
  );

function selectionOf({ service, views }: AsOfOptions): HistoricalRequest['selection'] {
  if (service !== undefined && views === undefined) return { service };
  if (views !== undefined && service === undefined) return { views: list(views) };
  throw expected('--service and --views');
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

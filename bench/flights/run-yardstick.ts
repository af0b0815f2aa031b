import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cachedArtifact } from '../../stack/cached-artifact.ts';
import { findProgram } from '../../stack/find-program.ts';
import type { FinderContext } from '../../stack/finder.ts';
import { runTool } from '../../stack/run-tool.ts';
import { defaultCacheDir } from '../../stack/start-stack.ts';
import { connectRun } from './connect-run.ts';
import { exportRows } from './export-rows.ts';

const requirements = fileURLToPath(new URL('./requirements.txt', import.meta.url));
const yardstick = fileURLToPath(new URL('./lightgbm_yardstick.py', import.meta.url));
const INSTALL_LIMIT_MS = 10 * 60_000;
const RUN_LIMIT_MS = 60 * 60_000;

const usage = `Usage: npm run bench:flights-yardstick -- [options]

Retrains LightGBM every month on what training could read then, tests it on the rows that were served, and prints its
AUC beside that of what served and of the first version kept frozen. Fetches LightGBM into a virtual environment of its
own in the cache (needs python3 and libgomp).

  --data-dir DIR    of the run (default .millrace); its servers must be up
  --frozen VERSION  the version kept frozen (default 1)
  --keep DIR        keeps the exported rows there
  --json            what lightgbm_yardstick.py prints, instead of the table`;

interface Figures {
  readonly auc: number | null;
  readonly logLoss: number;
  readonly meanScore: number;
}

interface Slice extends Figures {
  readonly month?: number;
  readonly rows: number;
  readonly frozen: Figures;
  readonly served: Figures;
  readonly firstVersion: Figures;
  readonly difference: number;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      'data-dir': { type: 'string', default: '.millrace' },
      frozen: { type: 'string', default: '1' },
      keep: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const python = await lightgbmPython();
  const folder = values.keep ?? (await mkdtemp(path.join(tmpdir(), 'millrace-yardstick-')));
  const run = await connectRun({ dataDir: values['data-dir'], project: undefined, model: undefined });
  try {
    const rows = await exportRows(run, folder, Number(values.frozen));
    console.error(
      `${rows.trainingRows} rows to train on, ${rows.servedRows} served rows with a label in ${folder}`,
    );
    const printed = await runTool({
      program: python,
      args: [
        yardstick,
        path.join(folder, 'training'),
        ...['--served', path.join(folder, 'served'), '--categorical', rows.categorical.join(',')],
      ],
      environment: process.env,
      signal: new AbortController().signal,
      timeoutMs: RUN_LIMIT_MS,
    });
    console.log(values.json ? printed : tableOf(JSON.parse(printed) as { months: Slice[]; overall: Slice }));
    return 0;
  } finally {
    await run.close();
    if (values.keep === undefined) await rm(folder, { recursive: true });
  }
}

/** Python with LightGBM: a virtual environment that is made once for a set of requirements. */
async function lightgbmPython(): Promise<string> {
  const context: FinderContext = {
    cacheDir: defaultCacheDir(process.env),
    environment: process.env,
    signal: new AbortController().signal,
    report: (line) => console.error(line),
    noteFailure: (way, reason) => console.error(`${way}: ${reason}`),
  };
  const digest = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12);
  const folder = await cachedArtifact(context, `flights-yardstick-${digest}`, async (draft) => {
    const python = await findProgram('python3', process.env);
    if (python === undefined)
      throw new Error("The yardstick needs a program 'python3': install Python 3.10 or newer.");
    const tool = { environment: process.env, signal: context.signal, timeoutMs: INSTALL_LIMIT_MS };
    await runTool({ ...tool, program: python, args: ['-m', 'venv', draft] });
    context.report('fetching LightGBM');
    // By the module: the folder is moved into place afterwards, and scripts would still name the draft.
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements];
    await runTool({ ...tool, program: path.join(draft, 'bin', 'python3'), args: pip });
  });
  return path.join(folder, 'bin', 'python3');
}

function tableOf({ months, overall }: { months: readonly Slice[]; overall: Slice }): string {
  const columns = ['month', 'rows', 'served', 'LightGBM', 'first version', 'served - LightGBM'];
  const auc = (figures: Figures): string => figures.auc?.toFixed(4) ?? '-';
  const rowOf = (slice: Slice): string[] => [
    String(slice.month ?? 'all'),
    String(slice.rows),
    auc(slice.served),
    auc(slice),
    auc(slice.firstVersion),
    slice.difference.toFixed(4),
  ];
  const lines = [columns, ...months.map(rowOf), rowOf(overall)];
  const logLoss = ({ served, logLoss, firstVersion }: Slice & { logLoss: number }): string =>
    [served.logLoss, logLoss, firstVersion.logLoss].map((value) => value.toFixed(4)).join(' / ');
  return [
    'AUC, by month',
    ...lines.map((cells) => cells.map((cell, i) => cell.padStart((columns[i] ?? '').length + 2)).join('')),
    `log loss of all (served / LightGBM / first version): ${logLoss(overall)}`,
  ].join('\n');
}

process.exitCode = await main().catch((error: unknown) => {
  console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
  return 1;
});

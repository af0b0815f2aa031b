/** Trains LightGBM in Python on rows that Millrace exports, and imports what comes out as a version of the model. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const cli = here('../../../cli/millrace.mjs');
const requirements = here('./requirements.txt');

/** Of one program; installing LightGBM and reading a training set take minutes. */
const PROGRAM_MS_MAX = 30 * 60_000;
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;

const usage = `Usage: npm run example:lightgbm -- [options]

Exports the training set of a model, trains LightGBM on it in Python, and registers the ONNX file as a version of the
model. Then: millrace rollout <model> <version>.

  --data-dir DIR   of the run (default .millrace); its servers must be up
  --project FILE   its project (default that of the flights)
  --model NAME     (default flight_delay)
  --python DIR     virtual environment to use, made where it is not there (default in the data directory)`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      'data-dir': { type: 'string', default: '.millrace' },
      project: { type: 'string', default: here('../project.ts') },
      model: { type: 'string', default: 'flight_delay' },
      python: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const dataDir = path.resolve(values['data-dir']);
  const python = await pythonOf(path.resolve(values.python ?? path.join(dataDir, `lightgbm-${digestOf(requirements)}`)));
  const folder = path.join(dataDir, 'lightgbm-rows');
  const model = path.join(folder, 'lightgbm.onnx');
  const millrace = (...args: string[]): Promise<string> =>
    run(process.execPath, [cli, ...args, '--json', '--data-dir', dataDir, '--project', values.project]);
  await millrace('models', 'export-rows', values.model, '--out', folder);
  const trained = JSON.parse(await run(python, [here('./train_lightgbm.py'), folder, model])) as object;
  const columns = path.join(folder, 'columns.json');
  const printed = await millrace('models', 'import', values.model, model, '--columns', columns, '--reason', 'LightGBM, trained in Python');
  console.log(JSON.stringify({ trained, version: JSON.parse(printed) as object }));
}

/** A virtual environment that is whole or not there: it is moved into place when all is installed. */
async function pythonOf(folder: string): Promise<string> {
  const python = path.join(folder, 'bin', 'python3');
  if (existsSync(python)) return python;
  const draft = `${folder}.draft`;
  await rm(draft, { recursive: true, force: true });
  console.error('Fetching LightGBM and its converter for Python.');
  await run('python3', ['-m', 'venv', draft]);
  const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements];
  await run(path.join(draft, 'bin', 'python3'), install);
  await rename(draft, folder);
  return python;
}

const digestOf = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 12);

/** What a program prints; what it says on standard error is passed on when it fails. */
async function run(program: string, args: readonly string[]): Promise<string> {
  const limits = { timeout: PROGRAM_MS_MAX, maxBuffer: OUTPUT_BYTES_MAX };
  return (await promisify(execFile)(program, [...args], limits)).stdout;
}

process.exitCode = await main().then(
  () => 0,
  (error: unknown) => {
    console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  },
);

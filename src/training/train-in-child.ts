import { spawn } from 'node:child_process';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { errorTable, type ErrorCode } from '../core/error-table.ts';
import { MillraceError } from '../core/millrace-error.ts';
import type { Lineage, ModelSignature, RecordRole, TrainedMetrics } from '../contracts/model-bundle.ts';
import type { BundleFiles } from '../registry/bundle.ts';
import type { ChildMessage, TrainJob } from './child-messages.ts';
import { nativeDefaults, nativeEnvironment } from '../tensorflow/native-environment.ts';
import type { BackendName } from '../tensorflow/tensorflow-backend.ts';
import type { Champion } from './champion.ts';
import type { TrainedBundle, TrainingProgress } from './train-model.ts';
import type { TrainingPlan } from './training-plan.ts';

const STDERR_BYTES_KEPT = 16_384;
const CHAMPION_FILE = 'champion.graph';

export interface TrainInChildOptions {
  /** Path of an encoded training set (`encodeTrainingSet`). */
  readonly trainingSet: string;
  readonly plan: TrainingPlan;
  readonly dataCut: number;
  readonly trigger: string;
  readonly reason: string;
  readonly champion: Champion | null;
  /** Directory for the job's files, made where it is missing; emptied of them at the end. */
  readonly directory: string;
  /** Path of a tfjs-node addon built on this machine, or null. */
  readonly addon: string | null;
  /** Environment of the child: what the caller's configuration was read from. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly backends?: readonly BackendName[];
  /** Ends the child at once. */
  readonly signal?: AbortSignal;
  readonly onBackend?: (name: BackendName, rejected: readonly { name: string; reason: string }[]) => void;
  readonly onProgress?: (progress: TrainingProgress) => void;
}

/**
 * `trainModel` in a process of its own: training blocks its thread, and its memory goes back with the
 * process.
 * @throws MillraceError TRAINING_PROCESS_DIED with the end of the child's stderr, or what `trainModel` threw
 * @throws the signal's reason once it is aborted and the child has ended
 */
export async function trainInChild(options: TrainInChildOptions): Promise<TrainedBundle> {
  options.signal?.throwIfAborted();
  const output = join(options.directory, 'bundle');
  await mkdir(output, { recursive: true });
  try {
    const job = await writeJob(options, output);
    await runChild(job, options);
    return await readBundle(output);
  } finally {
    for (const name of ['bundle', 'job.json', CHAMPION_FILE]) {
      await rm(join(options.directory, name), { recursive: true, force: true });
    }
  }
}

async function writeJob(options: TrainInChildOptions, output: string): Promise<string> {
  const { trainingSet, plan, dataCut, trigger, reason, champion, addon, directory } = options;
  const file = join(directory, CHAMPION_FILE);
  if (champion !== null) await writeFile(file, champion.graph.bytes);
  const job: TrainJob = {
    plan,
    dataCut,
    trigger,
    reason,
    trainingSet,
    champion: champion === null ? null : { ...champion, graph: { role: champion.graph.role, file } },
    output,
    addon,
    backends: options.backends ?? null,
  };
  const path = join(directory, 'job.json');
  await writeFile(path, JSON.stringify(job));
  return path;
}

function runChild(job: string, options: TrainInChildOptions): Promise<void> {
  const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const entry = fileURLToPath(new URL('./train-child.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', loader, entry, job], {
    env: { ...nativeDefaults, ...options.environment, ...nativeEnvironment },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  return new Promise((resolve, reject) => {
    let outcome: Extract<ChildMessage, { type: 'done' | 'failed' }> | null = null;
    let stderr = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-STDERR_BYTES_KEPT);
    });
    child.on('message', (message: ChildMessage) => {
      if (message.type === 'progress') options.onProgress?.(message.progress);
      else if (message.type === 'backend') options.onBackend?.(message.name, message.rejected);
      else outcome = message;
    });
    const kill = () => child.kill('SIGKILL');
    options.signal?.addEventListener('abort', kill, { once: true });
    // Aborted while the job's files were written: that event does not come again.
    if (options.signal?.aborted === true) kill();
    child.once('error', (error) => {
      reject(died(options.plan.model, `could not be started: ${error.message}`, ''));
    });
    child.once('close', (code, signal) => {
      options.signal?.removeEventListener('abort', kill);
      if (options.signal?.aborted === true) reject(options.signal.reason as Error);
      else if (outcome === null)
        reject(died(options.plan.model, `ended with ${signal ?? `exit code ${code}`}`, stderr));
      else if (outcome.type === 'failed') reject(failureOf(outcome, options.plan.model));
      else resolve();
    });
  });
}

async function readBundle(directory: string): Promise<TrainedBundle> {
  const names = await readdir(directory);
  const bytes = await Promise.all(names.map((name) => readFile(join(directory, name))));
  const files = Object.fromEntries(names.map((name, i) => [name, bytes[i]])) as unknown as BundleFiles;
  const parse = (name: RecordRole): unknown => JSON.parse(Buffer.from(files[name]).toString());
  return {
    files,
    signature: parse('signature.json') as ModelSignature,
    metrics: parse('metrics.json') as TrainedMetrics,
    lineage: parse('lineage.json') as Lineage,
  };
}

function failureOf(
  { code, message, details }: Extract<ChildMessage, { type: 'failed' }>,
  model: string,
): Error {
  if (code !== null && Object.hasOwn(errorTable, code))
    return new MillraceError(code as ErrorCode, message, { details });
  return died(model, 'threw an error', message);
}

function died(model: string, what: string, stderr: string): MillraceError {
  const end =
    stderr.trim() === '' ? 'It wrote nothing to stderr.' : `The end of its stderr:\n${stderr.trim()}`;
  return new MillraceError(
    'TRAINING_PROCESS_DIED',
    `Model '${model}': the training process ${what}. Nothing is registered; train again, and give it more memory if it was killed. ${end}`,
  );
}

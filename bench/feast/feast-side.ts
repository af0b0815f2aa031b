import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { processEnvironment } from '../../src/infra/process-environment.ts';
import { cachedArtifact } from '../../stack/cached-artifact.ts';
import { findProgram } from '../../stack/find-program.ts';
import type { FinderContext } from '../../stack/finder.ts';
import { choosePort } from '../../stack/free-port.ts';
import { runTool } from '../../stack/run-tool.ts';
import { defaultCacheDir } from '../../stack/start-stack.ts';

const requirements = fileURLToPath(new URL('./requirements.txt', import.meta.url));
const peer = fileURLToPath(new URL('./feast_peer.py', import.meta.url));
const INSTALL_LIMIT_MS = 10 * 60_000;
const RUN_LIMIT_MS = 20 * 60_000;

export interface FeastSide {
  readonly version: string;
  /** Runs one command of feast_peer.py and gives its answer. */
  ask<T>(command: string, ...rest: readonly string[]): Promise<T>;
  /** Feast's Python feature server. */
  startServing(): Promise<{ readonly url: string; stop(): Promise<void> }>;
}

/**
 * Feast in a virtual environment of its own, made once for a set of requirements.
 * @param folders `repo` is Feast's to write, `data` holds the Parquet files
 * @param redis connection text as Feast wants it
 */
export async function openFeastSide(folders: { repo: string; data: string }, redis: string): Promise<FeastSide> {
  const environment = processEnvironment();
  const signal = new AbortController().signal;
  const python = await feastPython(environment, signal);
  const argumentsOf = (command: string, rest: readonly string[]) => ['-W', 'ignore', peer, command, folders.repo, folders.data, redis, ...rest];
  const tool = { program: python, environment, signal, timeoutMs: RUN_LIMIT_MS };
  return {
    version: /feast\S*==(\S+)/.exec(readFileSync(requirements, 'utf8'))?.[1] ?? 'unknown',
    async ask<T>(command: string, ...rest: readonly string[]): Promise<T> {
      const printed = await runTool({ ...tool, args: argumentsOf(command, rest) });
      return JSON.parse(printed.trim().split('\n').at(-1) ?? '') as T;
    },
    async startServing() {
      const port = await choosePort({ variable: '' }, {});
      const child = spawn(python, argumentsOf('serve', [String(port)]), { env: environment, stdio: 'ignore' });
      const ended = new Promise<void>((resolve) => child.once('exit', () => { resolve(); }));
      return {
        url: `http://127.0.0.1:${port}/get-online-features`,
        stop: () => {
          child.kill('SIGTERM');
          return ended;
        },
      };
    },
  };
}

async function feastPython(environment: Readonly<Record<string, string | undefined>>, signal: AbortSignal): Promise<string> {
  const context: FinderContext = {
    cacheDir: defaultCacheDir(environment),
    environment,
    signal,
    report: (line) => console.error(line),
    noteFailure: (way, reason) => console.error(`${way}: ${reason}`),
  };
  const digest = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12);
  const folder = await cachedArtifact(context, `feast-${digest}`, async (draft) => {
    const python = await findProgram('python3', environment);
    if (python === undefined) throw new Error("The comparison needs a program 'python3': install Python 3.10 or newer.");
    const tool = { environment, signal, timeoutMs: INSTALL_LIMIT_MS };
    await runTool({ ...tool, program: python, args: ['-m', 'venv', draft] });
    context.report('fetching Feast');
    // By the module: the folder is moved into place afterwards, and scripts would still name the draft.
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements];
    await runTool({ ...tool, program: path.join(draft, 'bin', 'python3'), args: pip });
  });
  return path.join(folder, 'bin', 'python3');
}

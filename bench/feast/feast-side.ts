import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { processEnvironment } from '../../src/infra/process-environment.ts';
import { choosePort } from '../../stack/free-port.ts';
import { runTool } from '../../stack/run-tool.ts';
import { pythonEnvironment } from '../../test/support/python-environment.ts';

const requirements = new URL('./requirements.txt', import.meta.url);
const peer = fileURLToPath(new URL('./feast_peer.py', import.meta.url));
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
  const python = await feastPython();
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

async function feastPython(): Promise<string> {
  const python = await pythonEnvironment('feast', requirements);
  if (python === undefined) throw new Error("The comparison needs a program 'python3': install Python 3.10 or newer.");
  return python;
}

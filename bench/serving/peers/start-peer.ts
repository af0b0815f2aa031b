import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, readFileSync, closeSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { processEnvironment } from '../../../src/infra/process-environment.ts';
import { releaseOnExit, terminateOnExit } from '../../../stack/clean-up.ts';
import { trySignal } from '../../../stack/end-process.ts';
import { pythonEnvironment } from '../../../test/support/python-environment.ts';
import { pinned, SERVER_CORE } from '../../measure/pinned.ts';

const START_MS_MAX = 90_000;
const STOP_MS_MAX = 10_000;
const POLL_MS = 200;
const LOG_TAIL_CHARACTERS = 1_500;

export interface PeerProcess {
  readonly name: string;
  readonly folder: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Answers 200 once it serves. */
  readonly readyUrl: string;
}

/**
 * Python with a peer's packages, in a virtual environment that is made once.
 * @throws Error where the machine has no Python, or no package of the kind that is asked for
 */
export async function peerPython(name: string): Promise<string> {
  const python = await pythonEnvironment(`serving-${name}`, new URL(`./${name}-requirements.txt`, import.meta.url));
  if (python === undefined) throw new Error("there is no program 'python3'");
  return python;
}

/**
 * Starts a peer on the server's core, with all that it starts itself in its group.
 * @throws Error with the end of its log where it does not come to serve
 */
export async function startPeer({ name, folder, program, args, environment, readyUrl }: PeerProcess): Promise<{ readonly pid: number; stop(): Promise<void> }> {
  mkdirSync(folder, { recursive: true });
  const logFile = path.join(folder, `${name}.log`);
  const log = openSync(logFile, 'a');
  // One thread each: more would only take turns on the one core.
  const threads = { OMP_NUM_THREADS: '1', OPENBLAS_NUM_THREADS: '1' };
  const [command, commandArgs] = pinned(SERVER_CORE, program, args);
  const child = spawn(command, commandArgs, {
    cwd: folder,
    env: { ...processEnvironment(), ...threads, ...environment },
    stdio: ['ignore', log, log],
    detached: true,
  });
  closeSync(log);
  terminateOnExit(child);
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
      const ended = once(child, 'exit');
      trySignal(child.pid, 'SIGTERM');
      await Promise.race([ended, sleep(STOP_MS_MAX, undefined, { ref: false })]);
      trySignal(-child.pid, 'SIGKILL');
    }
    releaseOnExit(child);
  };
  for (const giveUpAt = performance.now() + START_MS_MAX; performance.now() < giveUpAt && child.exitCode === null; await sleep(POLL_MS)) {
    const answer = await fetch(readyUrl).catch(() => null);
    if (answer?.ok === true) return { pid: child.pid!, stop };
  }
  await stop();
  throw new Error(`it did not start: ${readFileSync(logFile, 'utf8').slice(-LOG_TAIL_CHARACTERS)}`);
}

/** A version as the requirements pin it. */
export function pinnedVersion(name: string, distribution: string): string {
  const requirements = readFileSync(new URL(`./${name}-requirements.txt`, import.meta.url), 'utf8');
  return new RegExp(`^${distribution}==(\\S+)`, 'm').exec(requirements)?.[1] ?? 'of any version';
}

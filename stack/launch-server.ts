import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MillraceError } from '../src/core/millrace-error.ts';
import { releaseOnExit, terminateOnExit } from './clean-up.ts';
import { trySignal, type OwnedProcess } from './end-process.ts';
import type { Environment } from './environment.ts';
import { readLogTail, rotateLog } from './log-file.ts';
import { processIdentity } from './process-identity.ts';
import type { ServerName } from './server-name.ts';

const READY_POLL_MS = 50;
const LOG_FILE_MODE = 0o600;
/** As Go, the JVM, PostgreSQL and Redis say it. */
const PORT_TAKEN = /address already in use/i;

export interface ServerLaunch {
  readonly server: ServerName;
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly environment: Environment;
  readonly logFile: string;
  readonly isReady: () => Promise<boolean>;
  readonly readyLimitMs: number;
  readonly signal: AbortSignal;
  /** Called as soon as the process exists, long before it answers. */
  readonly onSpawn: (owned: OwnedProcess) => void;
}

/** Where in the log file this attempt's own lines begin. */
type LaunchAttempt = ServerLaunch & { readonly logFrom: number };

/**
 * Starts a server that outlives this process, in a process group of its own, and waits until it answers.
 * @throws MillraceError STACK_SERVER_FAILED with the end of its log when it ends or does not answer in time;
 *   the process is gone then
 */
export async function launchServer(launch: ServerLaunch): Promise<OwnedProcess> {
  launch.signal.throwIfAborted();
  await mkdir(dirname(launch.logFile), { recursive: true });
  await rotateLog(launch.logFile);
  const log = openSync(launch.logFile, 'a', LOG_FILE_MODE);
  const attempt = { ...launch, logFrom: fstatSync(log).size };
  const child = spawn(launch.program, launch.args, {
    cwd: launch.cwd,
    env: launch.environment,
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  terminateOnExit(child);
  try {
    const owned = await ownedProcess(child, attempt);
    launch.onSpawn(owned);
    await waitUntilReady(child, attempt);
    child.unref();
    return owned;
  } catch (error) {
    if (child.pid !== undefined) trySignal(-child.pid, 'SIGKILL');
    throw error;
  } finally {
    releaseOnExit(child);
  }
}

function ownedProcess(child: ChildProcess, launch: LaunchAttempt): Promise<OwnedProcess> {
  return new Promise((resolve, reject) => {
    child.once('error', (cause) => {
      reject(serverFailed(launch, `'${launch.program}' did not start: ${cause.message}`));
    });
    child.once('spawn', () => {
      const pid = child.pid ?? 0;
      resolve({ pid, identity: processIdentity(pid) ?? '' });
    });
  });
}

async function waitUntilReady(child: ChildProcess, launch: LaunchAttempt): Promise<void> {
  const deadline = performance.now() + launch.readyLimitMs;
  while (!(await launch.isReady())) {
    launch.signal.throwIfAborted();
    if (child.exitCode !== null || child.signalCode !== null) {
      const how = child.signalCode ?? `exit code ${child.exitCode}`;
      throw serverFailed(launch, `it ended with ${how} before it answered`);
    }
    if (performance.now() >= deadline) {
      throw serverFailed(launch, `it did not answer within ${launch.readyLimitMs / 1000} s`);
    }
    await sleep(READY_POLL_MS, undefined, { signal: launch.signal });
  }
}

function serverFailed(launch: LaunchAttempt, what: string): MillraceError {
  const tail = readLogTail(launch.logFile, launch.logFrom);
  return new MillraceError(
    'STACK_SERVER_FAILED',
    `Server '${launch.server}' failed to start: ${what}. Its log is '${launch.logFile}'.` +
      (tail.length === 0 ? '' : ` It ends with:\n${tail.join('\n')}`),
    { details: { server: launch.server, portTaken: tail.some((line) => PORT_TAKEN.test(line)) } },
  );
}

import { spawn, type ChildProcess } from 'node:child_process';
import type { Environment } from '../src/infra/settings.ts';
import type { ProcessName, ProcessState } from './process-state.ts';
import type { RotatingLog } from './rotating-log.ts';

const BACKOFF_MS_MIN = 250;
const BACKOFF_MS_MAX = 30_000;
/** A process that ran this long was healthy: its next end starts the back-off afresh. */
const HEALTHY_AFTER_MS = 60_000;
/** How long a process may outlive SIGKILL before it is given up on (uninterruptible sleep). */
const KILL_LIMIT_MS = 5_000;

export interface ProcessSpec {
  readonly name: ProcessName;
  /** Arguments of node: flags, the file, its arguments. */
  readonly nodeArguments: readonly string[];
  readonly environment: Environment;
  readonly metricsPort: number;
}

export type ProcessEvent =
  | { readonly kind: 'started'; readonly name: ProcessName; readonly pid: number; readonly restarts: number }
  | {
      readonly kind: 'crashed';
      readonly name: ProcessName;
      readonly code: number | null;
      readonly signal: NodeJS.Signals | null;
      readonly restartInMs: number;
      /** The end of its log, oldest line first. */
      readonly logTail: readonly string[];
    }
  | { readonly kind: 'stopped'; readonly name: ProcessName; readonly killed: boolean };

/** Milliseconds to wait before the restart that follows `crashes` ends in a row. */
export const restartDelayMs = (crashes: number): number =>
  Math.min(BACKOFF_MS_MIN * 2 ** Math.max(0, crashes - 1), BACKOFF_MS_MAX);

/** One process that is started again whenever it ends, until it is stopped. */
export interface SupervisedProcess {
  readonly name: ProcessName;
  state(): ProcessState;
  /** SIGTERM, and SIGKILL where it has not ended after the limit. Resolves once it is gone. */
  stop(limitMs: number): Promise<void>;
}

export function startSupervisedProcess(
  spec: ProcessSpec,
  log: RotatingLog,
  onEvent: (event: ProcessEvent) => void,
): SupervisedProcess {
  let child: ChildProcess | undefined;
  let retry: NodeJS.Timeout | undefined;
  let status: ProcessState['status'] = 'waiting';
  let since = Date.now();
  let restarts = 0;
  let crashesInARow = 0;
  let stopping = false;
  let ended = Promise.resolve();

  const become = (next: ProcessState['status']): void => {
    status = next;
    since = Date.now();
  };
  const onEnd = (code: number | null, signal: NodeJS.Signals | null): void => {
    const ranMs = Date.now() - since;
    child = undefined;
    if (stopping) return become('stopped');
    crashesInARow = ranMs >= HEALTHY_AFTER_MS ? 1 : crashesInARow + 1;
    const restartInMs = restartDelayMs(crashesInARow);
    become('waiting');
    retry = setTimeout(() => {
      restarts += 1;
      start();
    }, restartInMs);
    onEvent({ kind: 'crashed', name: spec.name, code, signal, restartInMs, logTail: log.tail() });
  };
  const start = (): void => {
    const started = spawn(process.execPath, [...spec.nodeArguments], {
      env: spec.environment,
      // A group of its own: Ctrl+C in the terminal reaches the supervisor alone, which stops them in order.
      detached: true,
      // The channel carries no messages: that it closes tells the process that its supervisor is gone.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    child = started;
    become('running');
    started.stdout?.on('data', log.write);
    started.stderr?.on('data', log.write);
    ended = new Promise((resolve) => {
      const once = (code: number | null, signal: NodeJS.Signals | null): void => {
        if (child !== started) return;
        onEnd(code, signal);
        resolve();
      };
      started.once('close', once);
      started.once('error', (error) => {
        log.write(Buffer.from(`${error.message}\n`));
        if (started.pid === undefined) once(null, null);
      });
    });
    onEvent({ kind: 'started', name: spec.name, pid: started.pid ?? 0, restarts });
  };

  start();
  return {
    name: spec.name,
    state: () => ({
      name: spec.name,
      status,
      pid: child?.pid ?? null,
      restarts,
      since,
      metricsPort: spec.metricsPort,
      logFile: log.file,
    }),
    async stop(limitMs) {
      stopping = true;
      clearTimeout(retry);
      const killed = child !== undefined && (await endChild(child, ended, limitMs));
      become('stopped');
      log.close();
      onEvent({ kind: 'stopped', name: spec.name, killed });
    },
  };
}

/** Whether it had to be killed. */
async function endChild(child: ChildProcess, ended: Promise<void>, limitMs: number): Promise<boolean> {
  child.kill('SIGTERM');
  if (await within(ended, limitMs)) return false;
  child.kill('SIGKILL');
  await within(ended, KILL_LIMIT_MS);
  return true;
}

async function within(ended: Promise<void>, limitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), limitMs);
  });
  const inTime = await Promise.race([ended.then(() => true), late]);
  clearTimeout(timer);
  return inTime;
}

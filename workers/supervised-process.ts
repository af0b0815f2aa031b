import { spawn, type ChildProcess } from 'node:child_process';
import type { Environment } from '../src/infra/settings.ts';
import type { ProcessName } from './process-name.ts';
import type { ProcessState } from './process-state.ts';
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
export class SupervisedProcess {
  private readonly spec: ProcessSpec;
  private readonly log: RotatingLog;
  private readonly onEvent: (event: ProcessEvent) => void;
  private child: ChildProcess | undefined;
  private ended: Promise<void> = Promise.resolve();
  private retry: NodeJS.Timeout | undefined;
  private status: ProcessState['status'] = 'waiting';
  private since = Date.now();
  private restarts = 0;
  private crashesInARow = 0;
  private stopping = false;

  constructor(spec: ProcessSpec, log: RotatingLog, onEvent: (event: ProcessEvent) => void) {
    this.spec = spec;
    this.log = log;
    this.onEvent = onEvent;
  }

  get name(): ProcessName {
    return this.spec.name;
  }

  state(): ProcessState {
    const { status, restarts, since } = this;
    const { name, metricsPort } = this.spec;
    return {
      name,
      status,
      pid: this.child?.pid ?? null,
      restarts,
      since,
      metricsPort,
      logFile: this.log.file,
    };
  }

  start(): void {
    const child = spawn(process.execPath, [...this.spec.nodeArguments], {
      env: this.spec.environment,
      // A group of its own: Ctrl+C in the terminal reaches the supervisor alone, which stops them in order.
      detached: true,
      // The channel carries no messages: that it closes tells the process that its supervisor is gone.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.child = child;
    this.become('running');
    child.stdout?.on('data', this.log.write);
    child.stderr?.on('data', this.log.write);
    this.ended = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        this.onEnd(code, signal);
        resolve();
      });
    });
    // One that could not be spawned reports it here and closes too.
    child.once('error', (error) => this.log.write(Buffer.from(`${error.message}\n`)));
    this.onEvent({ kind: 'started', name: this.name, pid: child.pid ?? 0, restarts: this.restarts });
  }

  /** SIGTERM, and SIGKILL where it has not ended after the limit. Resolves once it is gone. */
  async stop(limitMs: number): Promise<void> {
    this.stopping = true;
    clearTimeout(this.retry);
    const killed = this.child !== undefined && (await endChild(this.child, this.ended, limitMs));
    this.become('stopped');
    this.log.close();
    this.onEvent({ kind: 'stopped', name: this.name, killed });
  }

  private onEnd(code: number | null, signal: NodeJS.Signals | null): void {
    const ranMs = Date.now() - this.since;
    this.child = undefined;
    if (this.stopping) return;
    this.crashesInARow = ranMs >= HEALTHY_AFTER_MS ? 1 : this.crashesInARow + 1;
    const restartInMs = restartDelayMs(this.crashesInARow);
    this.become('waiting');
    this.retry = setTimeout(() => {
      this.restarts += 1;
      this.start();
    }, restartInMs);
    this.onEvent({ kind: 'crashed', name: this.name, code, signal, restartInMs, logTail: this.log.tail() });
  }

  private become(status: ProcessState['status']): void {
    this.status = status;
    this.since = Date.now();
  }
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

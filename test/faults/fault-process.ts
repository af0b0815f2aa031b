import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { readLogTail } from '../../stack/log-file.ts';
import type { ConsumerOrder } from './consumer-order.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import type { RestartableServer } from './fault-servers.ts';

export interface FaultProcessOptions {
  readonly name: string;
  readonly file: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly logFile: string;
  /** Port of each server: the process reaches them through proxies of its own. */
  readonly ports: Readonly<Record<RestartableServer, number>>;
  /** Started again whenever it ends, as Temporal and the supervisor do. */
  readonly restarts: boolean;
}

const SURPRISE_LENGTH_MAX = 160;
const RESTART_DELAY_MS = 300;
const STOP_LIMIT_MS = 20_000;
const READY_LIMIT_MS = 60_000;

/** A process under test: started again when it dies, reached by signals, cut off by its proxies. */
export class FaultProcess {
  readonly name: string;
  readonly links: Readonly<Record<RestartableServer, FaultProxy>>;
  /** Starts after the first. */
  restarts = 0;
  /** Ends that nobody here asked for, with the end of the log. */
  readonly surprises: string[] = [];
  readonly #options: FaultProcessOptions;
  #child: ChildProcess | undefined;
  #isWanted = false;
  #isExpected = false;

  constructor(options: FaultProcessOptions) {
    this.#options = options;
    this.name = options.name;
    const { kafka, postgres, redis } = options.ports;
    this.links = {
      kafka: new FaultProxy(kafka),
      postgres: new FaultProxy(postgres),
      redis: new FaultProxy(redis),
    };
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Resolves when the process says that it is ready, or, where it never does, when it exists. */
  async start(isReadyTold = true): Promise<void> {
    this.#isWanted = true;
    const pairs = await Promise.all(
      Object.entries(this.links).map(
        async ([server, link]) =>
          `${this.#options.ports[server as RestartableServer]}:${await link.listen()}`,
      ),
    );
    this.#spawn(pairs.join(','));
    if (isReadyTold)
      await once(this.#child as ChildProcess, 'message', { signal: AbortSignal.timeout(READY_LIMIT_MS) });
  }

  order(order: ConsumerOrder): void {
    if (this.#child?.connected === true) this.#child.send(order);
    this.#isExpected = true;
  }

  /** The process may not exist at the moment. */
  signal(signal: NodeJS.Signals): void {
    if (signal === 'SIGKILL' || signal === 'SIGTERM') this.#isExpected = true;
    this.#child?.kill(signal);
  }

  /** Resolves with the exit code when the process that now runs has ended. */
  async ended(limitMs: number): Promise<number | null> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null)
      return child?.exitCode ?? null;
    await once(child, 'exit', { signal: AbortSignal.timeout(limitMs) });
    return child.exitCode;
  }

  /** Ends the process in its orderly way, by force after a limit, and keeps it down. */
  async stop(): Promise<void> {
    this.#isWanted = false;
    const child = this.#child;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit');
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
      await exited;
      clearTimeout(timer);
    }
    await Promise.all(Object.values(this.links).map((link) => link.close()));
  }

  #spawn(redirect: string): void {
    const { file, environment, logFile, restarts } = this.#options;
    const log = openSync(logFile, 'a');
    const child = fork(new URL(file, import.meta.url), {
      execArgv: [
        ...['--import', import.meta.resolve('tsx')],
        ...['--import', new URL('redirect-connections.ts', import.meta.url).href],
      ],
      env: { ...process.env, ...environment, MILLRACE_FAULTS_REDIRECT: redirect },
      stdio: ['ignore', log, log, 'ipc'],
    });
    closeSync(log);
    this.#child = child;
    child.once('exit', (code, signal) => {
      if (!this.#isWanted || !restarts) return;
      if (!this.#isExpected) {
        this.surprises.push(
          `${this.name} ended (${signal ?? code}): ${readLogTail(logFile).slice(-2).join(' | ').slice(0, SURPRISE_LENGTH_MAX)}`,
        );
      }
      this.#isExpected = false;
      void sleep(RESTART_DELAY_MS).then(() => {
        if (!this.#isWanted) return;
        this.restarts++;
        this.#spawn(redirect);
      });
    });
  }
}

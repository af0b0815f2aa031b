import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Environment } from '../src/infra/settings.ts';
import { processNames, type ProcessName } from './process-name.ts';
import { writeProcesses, type ProcessesState } from './process-state.ts';
import { openRotatingLog } from './rotating-log.ts';
import { workerArguments } from './worker-arguments.ts';
import { SupervisedProcess, type ProcessEvent } from './supervised-process.ts';

export type { ProcessEvent };

const STOP_LIMIT_MS_DEFAULT = 15_000;

/** First nothing more comes in, then the work in hand is finished, and the workflows that direct it go last. */
const stopOrder: readonly (readonly ProcessName[])[] = [
  ['gateway', 'serving', 'console'],
  ['stream', 'training'],
  ['orchestration'],
];

export interface ProcessPorts {
  readonly gateway: number;
  readonly serving: number;
  readonly servingGrpc: number;
  readonly console: number;
  readonly metrics: Readonly<Record<ProcessName, number>>;
}

export interface SupervisorOptions {
  /** Absolute. Logs go to `<dataDir>/logs`, the state to `<dataDir>/processes.json`. */
  readonly dataDir: string;
  /** What the processes get, except for their ports. */
  readonly environment: Environment;
  readonly ports: ProcessPorts;
  readonly onEvent: (event: ProcessEvent) => void;
  /** How long a process may take to end by itself. */
  readonly stopLimitMs?: number;
  /** Arguments of node for a process; the default runs `workers/<name>.ts`. */
  readonly nodeArguments?: (name: ProcessName) => readonly string[];
}

export interface Supervisor {
  state(): ProcessesState;
  /** Ends all processes in order; every one is gone when it resolves. */
  stop(): Promise<void>;
}

/** Starts every process of Millrace and keeps it running until `stop`. */
export async function startSupervisor(options: SupervisorOptions): Promise<Supervisor> {
  const startedAt = Date.now();
  await mkdir(path.join(options.dataDir, 'logs'), { recursive: true });
  let writing = Promise.resolve();
  let stopping: Promise<void> | undefined;

  const processes = processNames.map(
    (name) =>
      new SupervisedProcess(
        {
          name,
          nodeArguments: (options.nodeArguments ?? workerArguments)(name),
          environment: processEnvironmentOf(options, name),
          metricsPort: options.ports.metrics[name],
        },
        openRotatingLog(path.join(options.dataDir, 'logs', `${name}.log`)),
        (event) => {
          remember();
          options.onEvent(event);
        },
      ),
  );
  const state = (): ProcessesState => ({
    supervisorPid: process.pid,
    startedAt,
    project: options.environment['MILLRACE_PROJECT'] ?? null,
    gatewayPort: options.ports.gateway,
    servingPort: options.ports.serving,
    servingGrpcPort: options.ports.servingGrpc,
    consolePort: options.ports.console,
    processes: processes.map((supervised) => supervised.state()),
  });
  function remember(): void {
    // A full disk must not end the supervision: the file is for others to look at.
    writing = writing.then(() => writeProcesses(options.dataDir, state())).catch(() => undefined);
  }
  const stopAll = async (): Promise<void> => {
    for (const names of stopOrder) {
      const group = processes.filter((supervised) => names.includes(supervised.name));
      await Promise.all(
        group.map((supervised) => supervised.stop(options.stopLimitMs ?? STOP_LIMIT_MS_DEFAULT)),
      );
    }
    remember();
    await writing;
  };
  for (const supervised of processes) supervised.start();
  await writing;
  return { state, stop: () => (stopping ??= stopAll()) };
}

function processEnvironmentOf(options: SupervisorOptions, name: ProcessName): Environment {
  return {
    ...options.environment,
    MILLRACE_DATA_DIR: options.dataDir,
    MILLRACE_GATEWAY_PORT: String(options.ports.gateway),
    MILLRACE_SERVING_PORT: String(options.ports.serving),
    MILLRACE_SERVING_GRPC_PORT: String(options.ports.servingGrpc),
    MILLRACE_CONSOLE_PORT: String(options.ports.console),
    MILLRACE_METRICS_PORT: String(options.ports.metrics[name]),
  };
}

/** One line for people about what happened to a process; a crash is followed by the end of its log. */
export function describeProcessEvent(event: ProcessEvent): string {
  switch (event.kind) {
    case 'started':
      return event.restarts === 0
        ? `process ${event.name} started (pid ${event.pid})`
        : `process ${event.name} started again (pid ${event.pid}, restart ${event.restarts})`;
    case 'crashed': {
      const how = event.signal === null ? `code ${event.code ?? 'unknown'}` : event.signal;
      const tail = event.logTail.map((line) => `\n    ${line}`).join('');
      return `process ${event.name} ended with ${how}, restarting in ${event.restartInMs} ms${tail}`;
    }
    case 'stopped':
      return `process ${event.name} stopped${event.killed ? ' (killed: it did not end in time)' : ''}`;
  }
}

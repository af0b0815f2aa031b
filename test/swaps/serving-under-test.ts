import { fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ServingAddresses } from '../support/serving/run-serving.ts';
import type { BaseConfig } from '../../src/infra/base-config.ts';
import { processEnvironment } from '../../src/infra/process-environment.ts';
import { readLogTail } from '../../stack/log-file.ts';

const tinyProgram = new URL('serving-process.ts', import.meta.url);
const KIB = 1_024;

/** Memory that belongs to a process alone, and its share of what it shares, in MiB. */
export interface Memory {
  readonly serving: number;
  /** Of all session processes together. */
  readonly sessions: number;
  readonly processes: number;
}

/** A serving process as it runs in production, with the settings given over. */
export async function startServingUnderTest(config: BaseConfig, logFile: string, over: Readonly<Record<string, string>>, program = tinyProgram) {
  const log = openSync(logFile, 'a');
  const child = fork(fileURLToPath(program), {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', log, log, 'ipc'],
    env: {
      ...processEnvironment(),
      MILLRACE_NAMESPACE: config.namespace,
      MILLRACE_DATA_DIR: config.dataDir,
      MILLRACE_PROJECT: 'in memory',
      MILLRACE_KAFKA_BROKERS: config.kafkaBrokers.join(','),
      MILLRACE_POSTGRES_URL: config.postgresUrl,
      MILLRACE_REDIS_URL: config.redisUrl,
      MILLRACE_SERVING_PORT: '0',
      MILLRACE_SERVING_GRPC_PORT: '0',
      MILLRACE_SERVING_PROVIDERS: 'cpu',
      ...over,
    },
  });
  closeSync(log);
  const addresses = await new Promise<ServingAddresses>((resolve, reject) => {
    child.once('message', (message) => resolve(message as ServingAddresses));
    child.once('exit', (code) => reject(new Error(`The serving process ended (${String(code)}): ${readLogTail(logFile).join('\n')}`)));
  });
  const pid = child.pid!;
  return {
    ...addresses,
    get running(): boolean {
      return child.exitCode === null && child.signalCode === null;
    },
    memory(): Memory {
      const sessions = childrenOf(pid).filter(isSession);
      const sum = sessions.reduce((all, session) => all + ownMemory(session), 0);
      return { serving: ownMemory(pid), sessions: sum, processes: sessions.length };
    },
    async stop(): Promise<void> {
      child.kill('SIGTERM');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
  };
}

const childrenOf = (pid: number): number[] =>
  readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );

/** The loader of TypeScript has a child of its own where it meets a file for the first time. */
const isSession = (pid: number): boolean => readProcess(pid, 'cmdline').includes('session-process-main');

function ownMemory(pid: number): number {
  const found = /^Pss:\s+(\d+) kB/m.exec(readProcess(pid, 'smaps_rollup'));
  return Number(found?.[1] ?? 0) / KIB;
}

/** Empty where the process has ended, as a session's may at any moment. */
function readProcess(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

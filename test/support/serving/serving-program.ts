import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { BaseConfig } from '../../../src/infra/base-config.ts';
import { eventually } from '../eventually.ts';

const program = fileURLToPath(new URL('../../../workers/serving.ts', import.meta.url));
const projectFile = fileURLToPath(new URL('tiny-project-file.ts', import.meta.url));
const LISTEN_MS_MAX = 90_000;

export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string };

/** `workers/serving.ts` with the servers of a stage, as a supervisor starts it; `over` are environment variables. */
export function startServingProgram(config: BaseConfig, over: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, ['--import', 'tsx', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      MILLRACE_NAMESPACE: config.namespace,
      MILLRACE_DATA_DIR: config.dataDir,
      MILLRACE_PROJECT: projectFile,
      MILLRACE_KAFKA_BROKERS: config.kafkaBrokers.join(','),
      MILLRACE_POSTGRES_URL: config.postgresUrl,
      MILLRACE_REDIS_URL: config.redisUrl,
      MILLRACE_LOG_LEVEL: 'info',
      MILLRACE_SERVING_PORT: '0',
      MILLRACE_SERVING_GRPC_PORT: '0',
      MILLRACE_SERVING_PROVIDERS: 'cpu',
      MILLRACE_SERVING_TIMEOUT_MS: '20000',
      ...over,
    },
  });
  const log: LogLine[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line.startsWith('{')) log.push(JSON.parse(line) as LogLine);
  });
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  return {
    log,
    /** Resolves with its exit code. */
    ended,
    async addresses(): Promise<{ url: string; grpc: string }> {
      const listening = await eventually(
        'a serving process that listens',
        LISTEN_MS_MAX,
        () => Promise.resolve(log.find(({ msg }) => msg === 'serving group listens' || msg === 'serving')),
        (line) => line !== undefined || child.exitCode !== null,
      );
      if (listening === undefined) throw new Error(`It ended with ${String(child.exitCode)}: ${JSON.stringify(log.slice(-3))}`);
      return listening as unknown as { url: string; grpc: string };
    },
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    async close(): Promise<void> {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

export type ServingProgram = ReturnType<typeof startServingProgram>;

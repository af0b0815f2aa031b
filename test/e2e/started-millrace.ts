import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { beforeEach } from 'vitest';
import type { ProcessName } from '../../workers/process-name.ts';
import { readProcesses, type ProcessState } from '../../workers/process-state.ts';
import { createTestDatabase, testPrefix, testStack } from '../support/test-stack.ts';

const cli = fileURLToPath(new URL('../../cli/millrace.mjs', import.meta.url));
const OUTPUT_LINES_MAX = 200;
/** Of each process, told where a test fails: the directory is gone afterwards. */
const LOG_LINES_TOLD = 40;

/** Every process of Millrace, as a user's `millrace start` runs them, on the servers of the test run. */
export interface StartedMillrace {
  readonly dataDir: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly servingUrl: string;
  readonly gatewayUrl: string;
  readonly postgresUrl: string;
  process(name: ProcessName): Promise<ProcessState | undefined>;
  /** What `millrace start` wrote to standard error, its last lines. */
  output(): string;
  /** As Ctrl+C does; answers the exit code. Removes the database and the data directory. */
  stop(): Promise<number | null>;
}

export async function startMillrace(projectFile: string): Promise<StartedMillrace> {
  const stack = testStack();
  const database = await createTestDatabase();
  const dataDir = await mkdtemp(path.join(tmpdir(), 'millrace-e2e-'));
  const child = spawn(
    process.execPath,
    [cli, 'start', '--no-up', '--json', '--data-dir', dataDir, '--project', projectFile],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        MILLRACE_NAMESPACE: testPrefix(),
        MILLRACE_POSTGRES_URL: database.url,
        MILLRACE_REDIS_URL: stack.redisUrl,
        MILLRACE_KAFKA_BROKERS: stack.kafkaBrokers.join(','),
        MILLRACE_TEMPORAL_ADDRESS: stack.temporalAddress,
        MILLRACE_TEMPORAL_NAMESPACE: stack.temporalNamespace,
      },
    },
  );
  const said: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    said.push(line);
    if (said.length > OUTPUT_LINES_MAX) said.shift();
  });
  const output = (): string => said.join('\n');
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const stop = async (): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    const [code] = await exited;
    await database.drop();
    await rm(dataDir, { recursive: true, force: true });
    return code;
  };
  const ready = once(createInterface({ input: child.stdout }), 'line') as Promise<[string]>;
  const first = await Promise.race([ready, exited.then(() => null)]);
  if (first === null) {
    await stop();
    throw new Error(`millrace start ended before it was ready:\n${output()}`);
  }
  const announced = JSON.parse(first[0]) as {
    environment: Record<string, string>;
    servingUrl: string;
    gatewayUrl: string;
  };
  return {
    ...announced,
    dataDir,
    postgresUrl: database.url,
    output,
    stop,
    process: async (name) => (await readProcesses(dataDir))?.processes.find((state) => state.name === name),
  };
}

/** Prints the ends of all processes' logs at the first failure of the tests around it. */
export function tellLogsOnFailure(started: () => StartedMillrace | undefined): void {
  let told = false;
  beforeEach(({ onTestFailed }) => {
    onTestFailed(async () => {
      const millrace = started();
      if (told || millrace === undefined) return;
      told = true;
      process.stderr.write(`${millrace.output()}\n${await endsOfLogs(path.join(millrace.dataDir, 'logs'))}\n`);
    });
  });
}

async function endsOfLogs(folder: string): Promise<string> {
  const names = await readdir(folder).catch((): string[] => []);
  const ends = await Promise.all(
    names.sort().map(async (name) => `--- ${name}\n${(await readFile(path.join(folder, name), 'utf8')).trimEnd().split('\n').slice(-LOG_LINES_TOLD).join('\n')}`),
  );
  return ends.join('\n');
}

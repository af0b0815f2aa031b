import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../../../cli/main.ts';
import { createTestDatabase, testPrefix, testStack } from '../test-stack.ts';

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command line against the real servers, in a namespace, a database and a data directory of its own. */
export interface CommandStage {
  readonly dataDir: string;
  readonly environment: Readonly<Record<string, string>>;
  run(...argv: string[]): Promise<CommandResult>;
  close(): Promise<void>;
}

export async function openCommandStage(): Promise<CommandStage> {
  const stack = testStack();
  const database = await createTestDatabase();
  const dataDir = await mkdtemp(path.join(os.tmpdir(), 'millrace-cli-'));
  const environment = {
    MILLRACE_NAMESPACE: testPrefix(),
    MILLRACE_DATA_DIR: dataDir,
    MILLRACE_PROJECT: fileURLToPath(new URL('./payments-project.ts', import.meta.url)),
    MILLRACE_TEMPORAL_ADDRESS: stack.temporalAddress,
    MILLRACE_TEMPORAL_NAMESPACE: stack.temporalNamespace,
    MILLRACE_KAFKA_BROKERS: stack.kafkaBrokers.join(','),
    MILLRACE_POSTGRES_URL: database.url,
    MILLRACE_REDIS_URL: stack.redisUrl,
  };
  // The command line reads the environment of its process, and each test file is a process.
  Object.assign(process.env, environment);
  return {
    dataDir,
    environment,
    async run(...argv) {
      const out: string[] = [];
      const err: string[] = [];
      const exitCode = await runCommand({
        argv,
        stdout: { write: (text) => out.push(text) },
        stderr: { write: (text) => err.push(text) },
        signal: new AbortController().signal,
      });
      return { exitCode, stdout: out.join(''), stderr: err.join('') };
    },
    async close() {
      await database.drop();
      await rm(dataDir, { recursive: true });
    },
  };
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { isSameProcess } from '../../../stack/process-identity.ts';
import { readStackFile } from '../../../stack/stack-state.ts';
import { stopStack } from '../../../stack/stop-stack.ts';

const script = fileURLToPath(new URL('../../support/start-stack-child.ts', import.meta.url));
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith('MILLRACE_')),
);

const RM_RETRIES_MAX = 20;
const RM_RETRY_MS = 250;

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'millrace-interrupted-'));
});
afterEach(async () => {
  await stopStack(dataDir, () => undefined);
  // What formats Kafka's directory is no server: it outlives a start that was killed by a moment, and still writes then.
  await rm(dataDir, { recursive: true, force: true, maxRetries: RM_RETRIES_MAX, retryDelay: RM_RETRY_MS });
});

function runningServers(): string[] {
  return Object.entries(readStackFile(dataDir)?.servers ?? {}).flatMap(([name, { process: owned }]) =>
    owned !== undefined && isSameProcess(owned.pid, owned.identity) ? [name] : [],
  );
}

/** Starts a stack in a process of its own and sends it a signal when it writes the line. */
async function signalAt(line: string, signal: NodeJS.Signals): Promise<NodeJS.Signals | null> {
  const child = spawn(process.execPath, ['--import', 'tsx', script, dataDir], {
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  createInterface({ input: child.stdout }).on('line', (found) => {
    if (found === line) child.kill(signal);
  });
  const [, endedBy] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return endedBy;
}

it('leaves no server behind when it is interrupted, and ends by the signal', async () => {
  expect(await signalAt('redis ready', 'SIGINT')).toBe('SIGINT');
  expect(readStackFile(dataDir)?.phase).toBe('stopped');
  expect(runningServers()).toEqual([]);
});

it('leaves servers that can still be ended when it is killed', async () => {
  expect(await signalAt('redis ready', 'SIGKILL')).toBe('SIGKILL');
  expect(runningServers()).toContain('redis');
  await stopStack(dataDir, () => undefined);
  expect(runningServers()).toEqual([]);
});

it('leaves the servers running when the process ends after it', async () => {
  expect(await signalAt('all ready', 'SIGTERM')).toBe('SIGTERM');
  expect(runningServers().sort()).toEqual(['kafka', 'postgres', 'redis', 'temporal']);
});

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ProcessName } from '../../../workers/process-name.ts';
import { processPorts, readProcesses } from '../../../workers/process-state.ts';
import { restartDelayMs } from '../../../workers/supervised-process.ts';
import {
  describeProcessEvent,
  startSupervisor,
  type ProcessEvent,
  type Supervisor,
} from '../../../workers/supervisor.ts';

const WAIT_MS_MAX = 10_000;
const ports = {
  gateway: 1001,
  serving: 1002,
  servingGrpc: 1004,
  console: 1003,
  metrics: { orchestration: 1, stream: 2, training: 3, serving: 4, gateway: 5, console: 6 },
};

let dataDir: string;
let events: ProcessEvent[];
let supervisor: Supervisor | undefined;
beforeEach(() => {
  dataDir = mkdtempSync(path.join(os.tmpdir(), 'millrace-supervisor-'));
  events = [];
});
afterEach(async () => {
  await supervisor?.stop();
  supervisor = undefined;
  rmSync(dataDir, { recursive: true });
});

/** A process that says its metrics port and lives until SIGTERM, unless the test writes another. */
const idle = "console.log('port', process.env.MILLRACE_METRICS_PORT); setInterval(() => {}, 1000)";

async function start(
  scripts: Partial<Record<ProcessName, string>> = {},
  stopLimitMs = 5_000,
): Promise<Supervisor> {
  supervisor = await startSupervisor({
    dataDir,
    environment: process.env,
    ports,
    stopLimitMs,
    onEvent: (event) => events.push(event),
    nodeArguments: (name) => ['-e', scripts[name] ?? idle],
  });
  return supervisor;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + WAIT_MS_MAX;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not in time; events: ${JSON.stringify(events)}`);
    await sleep(20);
  }
}

const logOf = (name: ProcessName): string => readFileSync(path.join(dataDir, 'logs', `${name}.log`), 'utf8');
const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

test('every process runs with its own metrics port and log, and the state file says where', async () => {
  await start();
  await until(() =>
    ['orchestration', 'gateway'].every((name) => logOf(name as ProcessName).includes('port')),
  );
  expect(logOf('gateway')).toBe('port 5\n');
  const written = await readProcesses(dataDir);
  expect(written?.processes.map((p) => [p.name, p.status, p.restarts])).toEqual([
    ['orchestration', 'running', 0],
    ['stream', 'running', 0],
    ['training', 'running', 0],
    ['serving', 'running', 0],
    ['gateway', 'running', 0],
    ['console', 'running', 0],
  ]);
  expect(await processPorts(dataDir)).toEqual({
    MILLRACE_GATEWAY_PORT: '1001',
    MILLRACE_SERVING_PORT: '1002',
    MILLRACE_SERVING_GRPC_PORT: '1004',
    MILLRACE_CONSOLE_PORT: '1003',
  });
});

test('a killed process is reported with the end of its log and started again', async () => {
  const { state } = await start({ stream: `console.log('last words'); ${idle}` });
  const pidOf = (name: ProcessName): number | null =>
    state().processes.find((p) => p.name === name)?.pid ?? null;
  await until(() => logOf('stream').includes('port'));
  const first = pidOf('stream') as number;
  process.kill(first, 'SIGKILL');
  await until(() => pidOf('stream') !== null && pidOf('stream') !== first);
  const crash = events.find((event) => event.kind === 'crashed');
  expect(crash).toMatchObject({ name: 'stream', signal: 'SIGKILL', logTail: ['last words', 'port 2'] });
  expect(describeProcessEvent(crash as ProcessEvent)).toContain(
    'process stream ended with SIGKILL, restarting in 250 ms\n    last words',
  );
  await until(
    async () => (await readProcesses(dataDir))?.processes.find((p) => p.name === 'stream')?.restarts === 1,
  );
});

test('the wait before a restart doubles and has a bound', () => {
  expect([1, 2, 3, 7, 8, 1000].map(restartDelayMs)).toEqual([250, 500, 1000, 16_000, 30_000, 30_000]);
});

test('stopping ends all processes in order and kills one that does not listen', async () => {
  const deaf = `process.on('SIGTERM', () => {}); ${idle}`;
  const { state, stop } = await start({ training: deaf }, 300);
  await until(() => logOf('training').includes('port') && logOf('gateway').includes('port'));
  const pids = state().processes.map((p) => p.pid as number);
  await stop();
  expect(pids.filter(isAlive)).toEqual([]);
  const stopped = events.filter((event) => event.kind === 'stopped');
  expect(stopped.map((event) => event.name).sort()).toEqual([
    'console',
    'gateway',
    'orchestration',
    'serving',
    'stream',
    'training',
  ]);
  expect(stopped.at(-1)?.name).toBe('orchestration');
  expect(stopped.filter((event) => event.killed).map((event) => event.name)).toEqual(['training']);
  expect(
    (await readProcesses(dataDir))?.processes.every((p) => p.status === 'stopped' && p.pid === null),
  ).toBe(true);
});

test('a process whose supervisor is killed stops itself', async () => {
  const child = path.join(dataDir, 'child.mjs');
  const parent = path.join(dataDir, 'parent.mjs');
  const preload = new URL('../../../workers/stop-with-parent.ts', import.meta.url).href;
  const tsx = import.meta.resolve('tsx');
  writeFileSync(child, 'setInterval(() => {}, 1000); console.log(process.pid)');
  writeFileSync(
    parent,
    `import { spawn } from 'node:child_process';
     spawn(process.execPath, ['--import', ${JSON.stringify(tsx)}, '--import', ${JSON.stringify(preload)}, ${JSON.stringify(child)}],
       { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });`,
  );
  const { spawn } = await import('node:child_process');
  const running = spawn(process.execPath, [parent], { stdio: ['ignore', 'pipe', 'inherit'] });
  const pid = Number(await new Promise((resolve) => running.stdout.once('data', resolve)));
  expect(isAlive(pid)).toBe(true);
  running.kill('SIGKILL');
  await until(() => !isAlive(pid));
});

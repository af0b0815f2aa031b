import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { symlink } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readProcesses, type ProcessState } from '../../../workers/process-state.ts';
import { openCommandStage, type CommandStage } from '../../support/cli/command-stage.ts';
import { eventually } from '../../support/eventually.ts';
import { createGrpcCaller } from '../../support/serving/grpc-caller.ts';

const launcher = fileURLToPath(new URL('../../../cli/millrace.mjs', import.meta.url));
const healthProto = new URL('../../../serving/grpc/proto/health.proto', import.meta.url);
/** All processes start from TypeScript, on a machine that may be busy. */
const START_MS_MAX = 180_000;
const SIGNAL_AGAIN_MS = 20;

let stage: CommandStage;
let started: ChildProcess;
let ready: { consoleUrl: string; gatewayUrl: string; servingUrl: string; servingGrpcAddress: string; environment: Record<string, string> };
const news: string[] = [];

beforeAll(async () => {
  stage = await openCommandStage();
  // As npm installs a command: a link, called from another directory.
  const link = path.join(stage.dataDir, 'millrace');
  await symlink(launcher, link);
  started = spawn(process.execPath, [link, 'start', '--no-up', '--json'], {
    cwd: stage.dataDir,
    env: { ...process.env, ...stage.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  createInterface({ input: started.stderr as NodeJS.ReadableStream }).on('line', (line) => news.push(line));
  const [line] = (await Promise.race([
    once(createInterface({ input: started.stdout as NodeJS.ReadableStream }), 'line'),
    once(started, 'exit').then(() => Promise.reject(new Error(`start ended: ${news.join('\n')}`))),
  ])) as [string];
  const said = JSON.parse(line) as typeof ready | { error: unknown };
  if ('error' in said) throw new Error(`start failed: ${line}`);
  ready = said;
}, START_MS_MAX);

afterAll(async () => {
  if (started.exitCode === null && started.signalCode === null) {
    started.kill('SIGKILL');
    await once(started, 'exit');
  }
  await stage.close();
});

const processOf = async (name: string): Promise<ProcessState> => {
  const state = await readProcesses(stage.dataDir);
  return state?.processes.find((candidate) => candidate.name === name) as ProcessState;
};

test('start says where everything is, and it is there', async () => {
  expect(ready.environment).toMatchObject(stage.environment);
  for (const url of [ready.consoleUrl, ready.gatewayUrl, ready.servingUrl]) {
    expect((await fetch(`${url}/v1/health/live`)).status).toBe(200);
  }
  const health = createGrpcCaller(ready.servingGrpcAddress, healthProto, 'grpc.health.v1.Health');
  expect(await health.call('Check', {})).toEqual({ ok: { status: 'SERVING' } });
  health.close();
  const { exitCode, stdout, stderr } = await stage.run('predict', 'fraud', 'cardId=c', 'amount=1');
  expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: '' });
  expect(stderr).toContain('(MODEL_NOT_READY)');
});

test(
  'status answers for every part once the workers run',
  async () => {
    const status = await eventually(
      'a status without problems',
      START_MS_MAX,
      async () => (await stage.run('status', '--json')).stdout,
      (stdout) => (JSON.parse(stdout) as { problems: unknown[] }).problems.length === 0,
    );
    expect(JSON.parse(status)).toMatchObject({
      consoleUrl: ready.consoleUrl,
      models: [{ lifecycle: { phase: 'idle' } }],
      ingestion: { paused: false },
    });
  },
  START_MS_MAX,
);

test(
  'the console shows every part once the workers run',
  async () => {
    const read = async (url: string) => (await (await fetch(`${ready.consoleUrl}${url}`)).json()) as Record<string, unknown>;
    const overview = await eventually(
      'an overview without problems',
      START_MS_MAX,
      () => read('/api/overview'),
      ({ problems }) => (problems as unknown[]).length === 0,
    );
    expect(overview).toMatchObject({
      sources: [{ source: 'payments', sent: 0, missing: 0 }, { source: 'chargebacks' }],
      views: [{ view: 'card_activity', behindEvents: 0 }],
      models: [{ model: 'fraud', allocation: null, lifecycle: { phase: 'idle' }, serving: [{ loaded: [] }] }],
    });
    expect((overview['processes'] as { name: string }[]).map(({ name }) => name)).toContain('console');
    expect(await read('/api/models/fraud')).toMatchObject({ lifecycle: { state: { phase: 'idle' }, history: [] }, problems: [] });
  },
  START_MS_MAX,
);

test('a second start in the same data directory is refused', async () => {
  const { exitCode, stderr } = await stage.run('start', '--no-up', '--no-apply');
  expect(exitCode).toBe(3);
  expect(stderr).toContain(`process ${started.pid} has held`);
});

test(
  'a gateway that is killed is told and comes back on its port',
  async () => {
    const before = await processOf('gateway');
    process.kill(before.pid as number, 'SIGKILL');
    await eventually(
      'a restarted gateway',
      START_MS_MAX,
      () => processOf('gateway'),
      (now) => now.restarts === 1 && now.pid !== before.pid,
    );
    await eventually(
      'its answer',
      START_MS_MAX,
      async () => (await fetch(`${ready.gatewayUrl}/v1/health/live`)).status,
      (status) => status === 200,
    );
    expect(news.join('\n')).toContain('process gateway ended with SIGKILL, restarting in 250 ms');
  },
  START_MS_MAX,
);

test(
  'SIGTERM ends all processes in order with exit code 0, also where it comes twice: to a group, and handed on by a process of it',
  async () => {
    const pids = ((await readProcesses(stage.dataDir))?.processes ?? []).map(({ pid }) => pid as number);
    started.kill('SIGTERM');
    await sleep(SIGNAL_AGAIN_MS);
    started.kill('SIGTERM');
    const [code] = (await once(started, 'exit')) as [number | null];
    expect(code, news.slice(-10).join('\n')).toBe(0);
    const alive = pids.filter((pid) => {
      try {
        return process.kill(pid, 0);
      } catch {
        return false;
      }
    });
    expect(alive).toEqual([]);
    expect(news.at(-1)).toMatch(/^process orchestration stopped/);
  },
  START_MS_MAX,
);

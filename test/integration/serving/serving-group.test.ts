import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { createAccessFiles, createRoleKeys } from '../../support/access-stage.ts';
import { createGrpcCaller } from '../../support/serving/grpc-caller.ts';
import { startServingProgram, type ServingProgram } from '../../support/serving/serving-program.ts';
import { createServingStage, WEIGHTS, type ServingStage } from '../../support/serving/serving-stage.ts';
import { tinyScore, type TinyModel } from '../../support/serving/tiny-onnx.ts';
import { CheckedLoad } from '../../swaps/checked-load.ts';

const CONNECTIONS = 8;
/** The load is there to be lost, not to be fast: saturated, the machine would time out by itself. */
const PAUSE_MS = 15;
/** On a machine that is busy with other tests too. */
const READY_MS_MAX = 100_000;
const TEST_MS_MAX = 240_000;
const tiny: TinyModel = { weights: WEIGHTS, bias: 0.5 };
const scoreOf = (_version: number, distance: number): number => tinyScore(tiny, [0, 0, distance, 3]);
const files = createAccessFiles();
const { keys, entries } = createRoleKeys('admin');
const headers = { 'x-api-key': keys.admin };
const proto = new URL('../../../src/contracts/proto/millrace/v1/feature_store.proto', import.meta.url);

let stage: ServingStage;
let group: ServingProgram;
let url: string;
let grpc: string;
let metricsPort: number;

const readiness = async (): Promise<number> => (await fetch(`${url}/v1/health/ready`, { headers: { connection: 'close' } })).status;
const isReady = () => eventually('all processes ready', READY_MS_MAX, readiness, (status) => status === 200);
const metrics = async (): Promise<string> => (await fetch(`${url}/metrics`, { headers })).text();
/** Pids of the processes of the group, by place; the newest of each. */
const pids = (): Map<number, number> =>
  new Map(group.log.filter(({ msg }) => msg === 'serving process started').map((line) => [line['member'] as number, line['pid'] as number]));
const membersWith = (text: string, metric: string): string[] =>
  [...text.matchAll(new RegExp(`^${metric}\\{[^\\n]*member="(\\d+)"[^\\n]*\\} (\\d+)$`, 'gm'))].filter(([, , count]) => Number(count) > 0).map(([, member]) => member as string);
const load = (tensorsOnly = true): CheckedLoad => {
  const started = new CheckedLoad(url, CONNECTIONS, scoreOf, { headers, pauseMs: PAUSE_MS, tensorsOnly });
  onTestFinished(() => started.stop());
  return started;
};

beforeAll(async () => {
  stage = await createServingStage();
  await stage.allocate({ champion: await stage.register(tiny) });
  metricsPort = await freePort();
  group = startServingProgram(stage.config, {
    MILLRACE_SERVING_PROCESSES: '2',
    MILLRACE_SERVING_RETIRE_MS: '1000',
    MILLRACE_METRICS_PORT: String(metricsPort),
    MILLRACE_SERVING_API_KEYS_FILE: files.write('keys.json', { keys: entries }),
  });
  ({ url, grpc } = await group.addresses());
  await isReady();
}, READY_MS_MAX);
afterAll(async () => {
  await group.close();
  await stage.close();
  files.remove();
});

test('every process answers, over HTTP and over gRPC, and one scrape shows them all', async () => {
  const running = load(false);
  await eventually('some hundred answers', READY_MS_MAX, () => Promise.resolve(running.requests), (requests) => requests > 400);
  await running.stop();
  expect(running.failures).toEqual([]);
  for (let i = 0; i < 6; i++) {
    const caller = createGrpcCaller(grpc, proto, 'millrace.v1.FeatureStore', headers, undefined, { 'grpc.use_local_subchannel_pool': 1 });
    const answer = await caller.call('GetOnlineFeatures', { views: { names: ['origin_departures'] }, entities: [{ fields: { origin: { text: 'JFK' } } }] });
    expect(answer.error).toBeUndefined();
    caller.close();
  }
  const text = await metrics();
  expect(membersWith(text, 'millrace_predictions_total').sort()).toEqual(['1', '2']);
  expect(membersWith(text, 'millrace_online_read_keys_count').sort()).toEqual(['1', '2']);
  expect(text).toMatch(/^millrace_serving_processes_ready\{.*member="primary"\} 2$/m);
  const ofPrimary = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`, { headers: { connection: 'close' } })).text();
  expect(membersWith(ofPrimary, 'millrace_predictions_total').sort()).toEqual(['1', '2']);
  const heads = text.split('\n').filter((line) => line.startsWith('# TYPE'));
  expect(new Set(heads).size).toBe(heads.length);
});

test('what an operator unloads is unloaded in all processes, and in one that starts again', async () => {
  const control = async (action: string): Promise<number> =>
    (await fetch(`${url}/v2/repository/models/delay/${action}`, { method: 'POST', headers: { ...headers, connection: 'close' } })).status;
  const answers = (): Promise<number[]> => Promise.all(Array.from({ length: 8 }, async () => predictOnce()));
  expect(await control('unload')).toBe(200);
  expect(new Set(await answers())).toEqual(new Set([503]));
  const pid = pids().get(1)!;
  process.kill(pid, 'SIGKILL');
  await eventually('another process', READY_MS_MAX, () => Promise.resolve(pids().get(1)), (now) => now !== pid);
  await isReady();
  expect(new Set(await answers())).toEqual(new Set([503]));
  expect(await control('load')).toBe(200);
  expect(new Set(await answers())).toEqual(new Set([200]));
}, TEST_MS_MAX);

test('a process that is killed under load fails what it had in hand, nothing else, and comes back', async () => {
  const running = load();
  await eventually('answers', READY_MS_MAX, () => Promise.resolve(running.requests), (requests) => requests > 200);
  const pid = pids().get(2)!;
  process.kill(pid, 'SIGKILL');
  await sleep(300);
  const failed = running.failures.length;
  expect(failed).toBeLessThanOrEqual(CONNECTIONS);
  expect(running.failures.filter((failure) => failure.includes('answered'))).toEqual([]);
  await eventually('another process', READY_MS_MAX, () => Promise.resolve(pids().get(2)), (now) => now !== pid);
  await isReady();
  const before = running.requests;
  await eventually('more answers', READY_MS_MAX, () => Promise.resolve(running.requests), (requests) => requests > before + 200);
  await running.stop();
  expect(running.failures.length).toBe(failed);
  expect(await metrics()).toMatch(/^millrace_serving_process_restarts\{.*\} 2$/m);
}, TEST_MS_MAX);

test('a rolling restart under load fails no request and replaces every process', async () => {
  const running = load();
  const before = pids();
  group.kill('SIGUSR2');
  await eventually('the end of the rolling restart', 2 * READY_MS_MAX, () => Promise.resolve(group.log.some(({ msg }) => msg === 'rolling restart is over')), Boolean);
  expect(await readiness()).toBe(200);
  await running.stop();
  expect(running.failures).toEqual([]);
  for (const [place, pid] of pids()) expect(pid).not.toBe(before.get(place));
}, TEST_MS_MAX);

test('SIGTERM under load fails no request of a caller that follows readiness, and ends every process', async () => {
  const running = load();
  await eventually('answers', READY_MS_MAX, () => Promise.resolve(running.requests), (requests) => requests > 200);
  group.kill('SIGTERM');
  await eventually('readiness off', 5_000, readiness, (status) => status === 503);
  await running.stop();
  expect(running.failures).toEqual([]);
  expect(await group.ended).toBe(0);
  for (const pid of pids().values()) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  expect(await stage.registry.liveServing('delay')).toEqual([]);
}, TEST_MS_MAX);

test('processes that can not be kept alive end the group after a bounded number of attempts', async () => {
  const hopeless = startServingProgram(stage.config, { MILLRACE_SERVING_PROCESSES: '2', MILLRACE_PROJECT: 'no-such-project.ts' });
  expect(await hopeless.ended).toBe(1);
  expect(hopeless.log.filter(({ msg }) => msg === 'serving process started').length).toBeLessThanOrEqual(12);
  expect(hopeless.log.map(({ msg }) => msg)).toContain('the serving processes are given up');
}, TEST_MS_MAX);

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** On a connection of its own, so that any of the processes may get it. */
async function predictOnce(): Promise<number> {
  const pool = new Pool(url, { connections: 1 });
  try {
    const body = JSON.stringify({ instance: { flightId: 'F1', origin: 'JFK', carrier: 'UA', distance: 5 } });
    const answer = await pool.request({ method: 'POST', path: '/v1/models/delay/predict', headers: { ...headers, 'content-type': 'application/json' }, body });
    await answer.body.dump();
    return answer.statusCode;
  } finally {
    await pool.close();
  }
}

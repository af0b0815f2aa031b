import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { status } from '@grpc/grpc-js';
import type { RunningServing } from '../../../serving/start-serving.ts';
import { INFERENCE_SERVICE } from '../../../src/contracts/inference.ts';
import { inferenceProto } from '../../../src/infra/load-proto.ts';
import { createAccessFiles, createRoleKeys } from '../../support/access-stage.ts';
import { createGrpcCaller } from '../../support/serving/grpc-caller.ts';
import { createServingStage, WEIGHTS, type ServingStage } from '../../support/serving/serving-stage.ts';
import { delayModel } from '../../support/serving/tiny-project.ts';

const files = createAccessFiles();
const { keys, entries } = createRoleKeys('operate', 'predict');

let stage: ServingStage;
let serving: RunningServing;
let champion: number;
beforeAll(async () => {
  stage = await createServingStage();
  champion = await stage.register({ weights: WEIGHTS, bias: 0 });
  await stage.allocate({ champion });
  serving = await stage.serve({
    MILLRACE_SERVING_API_KEYS_FILE: files.write('keys.json', { keys: entries }),
    MILLRACE_SERVING_PROCESS: 'guarded',
    MILLRACE_SERVING_REPORT_EVERY_MS: '100',
  });
  await vi.waitFor(() => expect(serving.dataPlane.ready).toBe(true), { timeout: 30_000, interval: 50 });
});
afterAll(async () => {
  await stage.close();
  files.remove();
});

async function post(path: string, body?: unknown, key: string = keys.operate, of = serving) {
  const headers = { 'x-api-key': key, 'content-type': 'application/json' };
  const response = await fetch(of.url + path, { method: 'POST', headers, body: body === undefined ? null : JSON.stringify(body) });
  const text = await response.text();
  return { status: response.status, body: text === '' ? null : (JSON.parse(text) as unknown) };
}
const control = (what: 'load' | 'unload', body?: unknown, model = 'delay') => post(`/v2/repository/models/${model}/${what}`, body);
const instance = { origin: 'JFK', carrier: 'AA', distance: 500 };
const predict = () => post('/v1/models/delay/predict', { instance }, keys.predict);
const ready = async () => ((await (await fetch(`${serving.url}/v1/health/ready`)).json()) as { ready: boolean; models: unknown });

it('a model that an operator unloaded is answered by nobody, is no longer reported, and comes back', async () => {
  expect(await control('unload', { parameters: { unload_dependents: false } })).toEqual({ status: 200, body: null });
  const unloaded = { code: 'MODEL_NOT_READY', error: expect.stringContaining('an operator unloaded it from this process') as string };
  expect(await predict()).toEqual({ status: 503, body: unloaded });
  expect(await post(`/v2/models/delay/versions/${champion}/infer`, { inputs: [{ name: 'features', shape: [1, 4], datatype: 'FP32', data: [1, 2, 3, 4] }] }, keys.predict)).toEqual({
    status: 503,
    body: unloaded,
  });
  expect(await post('/v2/repository/index', {}, keys.predict)).toMatchObject({ body: [{ version: String(champion), state: 'UNAVAILABLE', reason: 'unloaded' }] });
  expect(await ready()).toMatchObject({ ready: true, models: [{ model: 'delay', ready: true, state: 'an operator unloaded it from this process' }] });
  const listed = async () => ((await (await fetch(`${serving.url}/v1/models`, { headers: { 'x-api-key': keys.predict } })).json()) as { models: unknown }).models;
  expect(await listed()).toMatchObject([{ model: 'delay', state: 'unloaded', champion: null, allocated: champion }]);
  // A rollout waits for the processes that report the model: this one is silent until its last report is forgotten.
  await vi.waitFor(async () => expect(await stage.registry.liveServing(delayModel.name)).toEqual([]), { timeout: 20_000, interval: 200 });
  expect(await control('load')).toEqual({ status: 200, body: null });
  expect(await listed()).toMatchObject([{ model: 'delay', state: 'serving', champion, allocated: champion }]);
  expect((await predict()).body).toMatchObject({ version: champion });
  await vi.waitFor(async () => expect(await stage.registry.liveServing(delayModel.name)).toMatchObject([{ loaded: [champion] }]), { timeout: 5_000 });
});

it('a load tries rejected versions again, and tells why they are refused', async () => {
  const bad = await stage.register({ weights: WEIGHTS, bias: 0 }, { batchRowsMax: 1_000_000 });
  await stage.allocate({ champion, shadow: bad });
  await vi.waitFor(() => expect(serving.dataPlane.model('delay').router.status.rejected).toMatchObject([{ version: bad }]), { timeout: 10_000 });
  const answer = await control('load');
  expect(answer).toMatchObject({ status: 409, body: { code: 'SERVING_VERSION_REJECTED', error: expect.stringContaining('its largest batch is 1000000 rows') as string } });
  expect((await predict()).body).toMatchObject({ version: champion });
});

it('a wrong request is refused', async () => {
  const invalid = { status: 400, body: { code: 'REQUEST_INVALID' } };
  expect(await control('load', { parameters: { config: '{}' } })).toMatchObject(invalid);
  expect(await control('unload', { parameters: { other: 1 } })).toMatchObject(invalid);
  expect(await control('unload', { parameters: 1 })).toMatchObject(invalid);
  expect(await control('unload', undefined, 'nobody')).toMatchObject({ status: 404, body: { code: 'MODEL_NOT_FOUND' } });
  expect(await post('/v2/repository/models/delay/unload', undefined, keys.predict)).toMatchObject({ status: 403, body: { code: 'ACCESS_DENIED' } });
});

it('without access control nobody is an operator', async () => {
  const open = await stage.serve();
  const answer = await post('/v2/repository/models/delay/unload', undefined, '', open);
  expect(answer).toMatchObject({ status: 403, body: { code: 'ACCESS_DENIED', error: expect.stringContaining('no access control') as string } });
  const caller = createGrpcCaller(open.grpcAddress, inferenceProto, INFERENCE_SERVICE);
  for (const method of ['RepositoryModelLoad', 'RepositoryModelUnload']) {
    expect((await caller.call(method, { modelName: 'delay' })).error?.status).toBe(status.PERMISSION_DENIED);
  }
  expect((await caller.call('RepositoryIndex', {})).error).toBeUndefined();
  caller.close();
});

import { Metadata, status, type ClientDuplexStream, type StatusObject } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { runCommand } from '../../../cli/main.ts';
import { methodAccess } from '../../../serving/grpc/guard-calls.ts';
import { routeAccess } from '../../../serving/http/route-access.ts';
import type { RunningServing } from '../../../serving/start-serving.ts';
import { ERROR_CODE_METADATA, FEATURE_STORE_SERVICE } from '../../../src/contracts/feature-store.ts';
import { INFERENCE_SERVICE } from '../../../src/contracts/inference.ts';
import { featureStoreProto, inferenceProto } from '../../../src/infra/load-proto.ts';
import { connectOnlineFeatures } from '../../../src/index.ts';
import { AUDIENCE, createAccessFiles, createIssuer, createRoleKeys, ISSUER } from '../../support/access-stage.ts';
import { createGrpcCaller } from '../../support/serving/grpc-caller.ts';
import { createServingStage, type ServingStage } from '../../support/serving/serving-stage.ts';
import { delayModel } from '../../support/serving/tiny-project.ts';

const files = createAccessFiles();
const { keys, entries } = createRoleKeys('predict', 'ingest', 'operate', 'admin');

let stage: ServingStage;
let serving: RunningServing;
let issuer: Awaited<ReturnType<typeof createIssuer>>;
beforeAll(async () => {
  stage = await createServingStage();
  issuer = await createIssuer();
  serving = await stage.serve({
    MILLRACE_SERVING_API_KEYS_FILE: files.write('keys.json', { keys: entries }),
    MILLRACE_SERVING_JWT_ISSUER: ISSUER,
    MILLRACE_SERVING_JWT_AUDIENCE: AUDIENCE,
    MILLRACE_SERVING_JWT_JWKS: files.write('jwks.json', issuer.jwks),
  });
});
afterAll(async () => {
  await stage.close();
  files.remove();
});

type Headers = Readonly<Record<string, string>>;
async function ask(route: string, headers: Headers = {}, of = serving) {
  const [method = '', path = ''] = route.split(' ');
  const response = await fetch(of.url + path.replaceAll(':model', 'delay').replaceAll(/:\w+/g, '1'), { method, headers });
  const text = await response.text();
  return { status: response.status, challenge: response.headers.get('www-authenticate'), text };
}

async function call(method: string, headers: Headers = {}, of = serving) {
  const [, service = '', name = ''] = method.split('/');
  const proto = service === FEATURE_STORE_SERVICE ? featureStoreProto : inferenceProto;
  const caller = createGrpcCaller(of.grpcAddress, proto, service, headers);
  const { error } = await caller.call(name, {});
  caller.close();
  return error === undefined ? status.OK : error.status;
}

const refusals = async () => {
  const { text } = await ask('GET /metrics', { 'x-api-key': keys.operate });
  return [...text.matchAll(/^millrace_access_refusals_total\{(.*)\} (\d+)$/gm)].map(([, labels, count]) => `${labels} ${count}`);
};

const isRefused = (answered: number): boolean => answered === 401 || answered === 403;
const isRefusal = (answered: status): boolean => answered === status.UNAUTHENTICATED || answered === status.PERMISSION_DENIED;
/** Streams are called by other means, and of health no more than its own test does. */
const unary = Object.entries(methodAccess).filter(([method]) => method.startsWith(`/${INFERENCE_SERVICE}/`) || method.startsWith(`/${FEATURE_STORE_SERVICE}/`));

describe('with access control', () => {
  it.each(Object.entries(routeAccess))('%s is for those that have its role', async (route, rule) => {
    expect((await ask(route)).status === 401).toBe(rule !== 'anybody');
    for (const [role, key] of Object.entries(keys)) {
      const mayCall = rule === 'anybody' || role === 'admin' || role === rule.role;
      expect([role, isRefused((await ask(route, { 'x-api-key': key })).status)]).toEqual([role, !mayCall]);
    }
  });

  it.each(unary)('%s is for those that have its role', async (method, rule) => {
    expect((await call(method)) === status.UNAUTHENTICATED).toBe(rule !== 'anybody');
    for (const [role, key] of Object.entries(keys)) {
      const mayCall = rule === 'anybody' || role === 'admin' || role === rule.role;
      expect([role, isRefusal(await call(method, { authorization: `Bearer ${key}` }))]).toEqual([role, !mayCall]);
    }
  });

  it('streams are guarded too: reflection needs a role, health needs none', async () => {
    const protoOf = (name: string) => new URL(`../../../serving/grpc/proto/${name}.proto`, import.meta.url);
    const reflect = async (headers: Headers): Promise<unknown> => {
      const { client, service, close } = createGrpcCaller(serving.grpcAddress, protoOf('reflection'), 'grpc.reflection.v1.ServerReflection');
      const { path, requestSerialize, responseDeserialize } = service['ServerReflectionInfo']!;
      const metadata = new Metadata();
      for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
      const call: ClientDuplexStream<unknown, unknown> = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata);
      call.on('error', () => undefined).resume();
      call.write({ listServices: '' });
      call.end();
      const code = await new Promise((resolve) => call.on('status', (ended: StatusObject) => resolve(ended.code)));
      close();
      return code;
    };
    expect([await reflect({}), await reflect({ 'x-api-key': keys.predict })]).toEqual([status.UNAUTHENTICATED, status.OK]);
    const health = createGrpcCaller(serving.grpcAddress, protoOf('health'), 'grpc.health.v1.Health');
    expect(await health.call('Check', {})).toEqual({ ok: { status: 'SERVING' } });
    health.close();
  });

  it('keys and tokens come as a bearer or as X-Api-Key, which goes first', async () => {
    const token = await issuer.sign({ roles: ['operate'] });
    const asked = async (headers: Headers) => (await ask('GET /metrics', headers)).status;
    expect(await asked({ authorization: `Bearer ${keys.operate}` })).toBe(200);
    expect(await asked({ authorization: `bearer ${token}` })).toBe(200);
    expect(await asked({ 'x-api-key': keys.operate, authorization: 'Basic eDp5' })).toBe(200);
    expect(await asked({ 'x-api-key': keys.predict, authorization: `Bearer ${keys.operate}` })).toBe(403);
    expect(await asked({ 'x-api-key': token })).toBe(401);
    expect([(await ask('HEAD /metrics')).status, (await ask('HEAD /metrics', { 'x-api-key': keys.operate })).status]).toEqual([401, 200]);
    expect(await call(`/${INFERENCE_SERVICE}/RepositoryIndex`, { authorization: `Bearer ${await issuer.sign({ roles: ['predict'] })}` })).toBe(status.OK);
  });

  it('a refusal says what to do, in the form of its transport, and nothing of what was sent', async () => {
    const secret = 'mr_nobodysKey';
    const token = await issuer.sign({ roles: ['operate'] }, Math.floor(Date.now() / 1_000) - 60);
    const missing = await ask('GET /v1/models');
    expect([missing.challenge, JSON.parse(missing.text)]).toEqual([
      'Bearer realm="millrace"',
      { code: 'ACCESS_UNAUTHENTICATED', error: "GET /v1/models needs an API key or a token. Send 'Authorization: Bearer ...' or 'X-Api-Key: ...'." },
    ]);
    const unknown = await ask('GET /v1/models', { 'x-api-key': secret });
    expect([unknown.status, unknown.challenge]).toEqual([401, 'Bearer realm="millrace", error="invalid_token"']);
    expect(unknown.text).not.toContain(secret);
    const expired = await ask('GET /metrics', { authorization: `Bearer ${token}` });
    expect(expired.text).toContain('it has expired');
    expect(expired.text).not.toContain(token);
    expect((await ask('GET /v1/models', { 'x-api-key': 'x'.repeat(9_000) })).status).toBe(401);
    const denied = await ask('GET /metrics', { 'x-api-key': keys.predict });
    expect([denied.status, denied.challenge, JSON.parse(denied.text)]).toMatchObject([403, null, { code: 'ACCESS_DENIED' }]);
    const caller = createGrpcCaller(serving.grpcAddress, inferenceProto, INFERENCE_SERVICE, { 'x-api-key': secret });
    const { error } = await caller.call('ServerMetadata', {});
    caller.close();
    expect([error?.status, error?.metadata.get(ERROR_CODE_METADATA)]).toEqual([status.UNAUTHENTICATED, ['ACCESS_UNAUTHENTICATED']]);
    expect(error?.message).not.toContain(secret);
  });

  it('the command line and the client of online features send the key that they are given', async () => {
    const stderr: string[] = [];
    const sinks = { stdout: { write: () => 0 }, stderr: { write: (text: string) => stderr.push(text) } };
    const run = () => runCommand({ argv: ['predict', 'delay', 'origin=JFK', '--url', serving.url], ...sinks, signal: new AbortController().signal });
    await run();
    process.env['MILLRACE_API_KEY'] = keys.predict;
    await run();
    delete process.env['MILLRACE_API_KEY'];
    expect(stderr).toEqual([expect.stringContaining('(ACCESS_UNAUTHENTICATED)'), expect.stringContaining('(MODEL_NOT_READY)')]);
    const read = async (apiKey: string) => {
      const features = await connectOnlineFeatures({ address: serving.grpcAddress, timeoutMs: 20_000, apiKey });
      return features.read({ service: delayModel.service, entities: [{ origin: 'JFK', distance: 500, carrier: 'AA' }] }).finally(() => features.close());
    };
    expect((await read(keys.predict)).rows).toHaveLength(1);
    await expect(read(keys.operate)).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
  });

  it('refusals are counted by reason and transport', async () => {
    expect((await refusals()).map((line) => line.replace(/,?process="serving"| \d+$/g, '')).sort()).toEqual([
      'reason="key",transport="grpc"',
      'reason="key",transport="http"',
      'reason="missing",transport="grpc"',
      'reason="missing",transport="http"',
      'reason="role",transport="grpc"',
      'reason="role",transport="http"',
      'reason="token",transport="http"',
    ]);
  });

  it('a changed file of keys holds without a restart, and a wrong one changes nothing', async () => {
    const [next] = createRoleKeys('predict').entries;
    const added = createRoleKeys('operate');
    files.write('keys.json', { keys: [...entries.filter(({ roles }) => !roles.includes('ingest')), { ...added.entries[0], name: 'added' }] });
    await vi.waitFor(async () => expect((await ask('GET /metrics', { 'x-api-key': added.keys.operate })).status).toBe(200), { timeout: 5_000, interval: 100 });
    expect((await ask('GET /v1/models', { 'x-api-key': keys.ingest })).status).toBe(401);
    files.write('keys.json', { keys: [{ ...next, roles: ['cook'] }] });
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect((await ask('GET /metrics', { 'x-api-key': added.keys.operate })).status).toBe(200);
  });
});

it('a wrong file of keys at the start ends it', async () => {
  const wrong = files.write('wrong.json', { keys: [{ name: 'a', sha256: 'x', roles: ['cook'] }] });
  await expect(stage.serve({ MILLRACE_SERVING_API_KEYS_FILE: wrong })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringMatching(/keys\.0\.sha256: .*keys\.0\.roles\.0: /) as string,
  });
});

it('an issuer that can not be asked is 503, while keys go on working, and metrics may be left open', async () => {
  const away = await stage.serve({
    MILLRACE_SERVING_API_KEYS_FILE: files.write('some.json', { keys: entries }),
    MILLRACE_SERVING_JWT_ISSUER: ISSUER,
    MILLRACE_SERVING_JWT_AUDIENCE: AUDIENCE,
    MILLRACE_SERVING_JWT_JWKS: 'http://127.0.0.1:1/jwks',
    MILLRACE_SERVING_METRICS_ACCESS: 'open',
  });
  const authorization = `Bearer ${await issuer.sign({ roles: ['predict'] })}`;
  const answer = await ask('GET /v1/models', { authorization }, away);
  expect([answer.status, JSON.parse(answer.text)]).toMatchObject([503, { code: 'ACCESS_ISSUER_UNAVAILABLE' }]);
  expect(await call(`/${INFERENCE_SERVICE}/ServerMetadata`, { authorization }, away)).toBe(status.UNAVAILABLE);
  expect((await ask('GET /v1/models', { 'x-api-key': keys.predict }, away)).status).toBe(200);
  expect((await ask('GET /metrics', {}, away)).status).toBe(200);
});

import { once } from 'node:events';
import { createConnection } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { createLogger } from '../../../src/infra/logger.ts';
import { createMetrics } from '../../../src/infra/metrics.ts';
import { gatewayAccess } from '../../../src/stream/gateway-access.ts';
import { createGateway } from '../../../src/stream/gateway.ts';
import { loadGatewaySettings } from '../../../src/stream/gateway-settings.ts';
import { AUDIENCE, createAccessFiles, createIssuer, createRoleKeys, ISSUER } from '../../support/access-stage.ts';
import { createCertificate, hasOpenssl, type TestCertificate } from '../../support/certificates.ts';
import { openEventPath, payments, START, type EventPath } from './event-path.ts';

type Headers = Readonly<Record<string, string>>;

const files = createAccessFiles();
const { keys, entries } = createRoleKeys('predict', 'ingest', 'operate', 'admin');
const body = JSON.stringify(payments(1)[0]?.payment);
let path: EventPath;
let issuer: Awaited<ReturnType<typeof createIssuer>>;
beforeAll(async () => {
  [path, issuer] = await Promise.all([openEventPath(), createIssuer()]);
});
afterAll(async () => {
  await path.close();
  files.remove();
});

/** A gateway that listens, and where. */
async function open(environment: Record<string, string>): Promise<{ url: string; gateway: FastifyInstance }> {
  const gateway = await createGateway({
    kafka: path.kafka,
    names: path.names,
    sources: path.project.sources,
    settings: loadGatewaySettings(environment),
    clock: () => START,
    logger: createLogger('test', 'silent'),
    registry: createMetrics('test'),
  });
  return { url: await gateway.listen({ host: '127.0.0.1', port: 0 }), gateway };
}

describe('with access control', () => {
  let url: string;
  let gateway: FastifyInstance;
  beforeAll(async () => {
    ({ url, gateway } = await open({
      MILLRACE_GATEWAY_API_KEYS_FILE: files.write('keys.json', { keys: entries }),
      MILLRACE_GATEWAY_JWT_ISSUER: ISSUER,
      MILLRACE_GATEWAY_JWT_AUDIENCE: AUDIENCE,
      MILLRACE_GATEWAY_JWT_JWKS: files.write('jwks.json', issuer.jwks),
    }));
  });
  afterAll(() => gateway.close());
  const send = async (headers: Headers, payload = body) => {
    const answer = await fetch(`${url}/v1/events/payment`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: payload });
    return { status: answer.status, challenge: answer.headers.get('www-authenticate'), body: (await answer.json()) as { code?: string } };
  };

  test.each(Object.entries(gatewayAccess))('%s is for those that have its role', async (route, rule) => {
    const [method = '', where = ''] = route.split(' ');
    const statusFor = async (headers: Headers) => (await fetch(url + where.replace(':source', 'payment'), { method, headers })).status;
    expect((await statusFor({})) === 401).toBe(rule !== 'anybody');
    for (const [role, key] of Object.entries(keys)) {
      const mayCall = rule === 'anybody' || role === 'admin' || role === rule.role;
      expect([role, (await statusFor({ 'x-api-key': key })) === 403]).toEqual([role, !mayCall]);
    }
  });

  test('events come from who has the role ingest, by a key or a token, and from nobody else', async () => {
    const before = await path.kafka.topicOffsets(path.names.sourceTopic('payment'));
    expect(await send({})).toMatchObject({ status: 401, challenge: 'Bearer realm="millrace"', body: { code: 'ACCESS_UNAUTHENTICATED' } });
    const unknown = await send({ authorization: 'Bearer mr_nobodysKey' });
    expect(unknown).toMatchObject({ status: 401, challenge: 'Bearer realm="millrace", error="invalid_token"', body: { code: 'ACCESS_UNAUTHENTICATED' } });
    expect(JSON.stringify(unknown)).not.toContain('nobodysKey');
    expect(await send({ 'x-api-key': keys.predict })).toMatchObject({ status: 403, challenge: null, body: { code: 'ACCESS_DENIED' } });
    expect((await send({ authorization: `Bearer ${await issuer.sign({ roles: ['predict'] })}` })).status).toBe(403);
    const expired = await issuer.sign({ roles: ['ingest'] }, Math.floor(START / 1_000) - 60);
    expect((await send({ authorization: `Bearer ${expired}` })).status).toBe(401);
    expect(await path.kafka.topicOffsets(path.names.sourceTopic('payment'))).toEqual(before);
    const token = await issuer.sign({ roles: ['ingest'] });
    for (const headers of [{ authorization: `Bearer ${keys.ingest}` }, { 'x-api-key': keys.admin }, { authorization: `Bearer ${token}` }] satisfies Headers[]) {
      expect(await send(headers)).toMatchObject({ status: 202, body: { accepted: 1 } });
    }
  });

  test('a body is not waited for, and not looked at, before it is known who sends it', async () => {
    expect((await send({}, 'x'.repeat(5_000_000))).status).toBe(401);
    const socket = createConnection(Number(new URL(url).port), '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    socket.write('POST /v1/events/payment HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(String(answer)).toMatch(/^HTTP\/1\.1 401 /);
  });

  test('refusals are counted by reason, and as failures of their source', async () => {
    const text = await (await fetch(`${url}/metrics`, { headers: { 'x-api-key': keys.operate } })).text();
    const reasons = [...text.matchAll(/^millrace_access_refusals_total\{reason="(\w+)",transport="http"/gm)].map(([, reason]) => reason);
    expect(reasons.sort()).toEqual(['key', 'missing', 'role', 'token']);
    expect(text).toMatch(/^millrace_gateway_failures_total\{source="payment",code="ACCESS_DENIED"/m);
  });

  test('a changed file of keys holds without a restart', async () => {
    const next = createRoleKeys('ingest');
    files.write('keys.json', { keys: [...entries.filter(({ roles }) => !roles.includes('ingest')), ...next.entries] });
    await vi.waitFor(async () => expect((await send({ 'x-api-key': next.keys.ingest })).status).toBe(202), { timeout: 5_000, interval: 100 });
    expect((await send({ 'x-api-key': keys.ingest })).status).toBe(401);
  });
});

test('an issuer that can not be asked is 503 with Retry-After, and metrics may be left open', async () => {
  const { url, gateway } = await open({
    MILLRACE_GATEWAY_JWT_ISSUER: ISSUER,
    MILLRACE_GATEWAY_JWT_AUDIENCE: AUDIENCE,
    MILLRACE_GATEWAY_JWT_JWKS: 'http://127.0.0.1:1/jwks',
    MILLRACE_GATEWAY_METRICS_ACCESS: 'open',
  });
  onTestFinished(() => gateway.close());
  const authorization = `Bearer ${await issuer.sign({ roles: ['ingest'] })}`;
  const answer = await fetch(`${url}/v1/events/payment`, { method: 'POST', headers: { authorization }, body });
  expect([answer.status, answer.headers.get('retry-after'), await answer.json()]).toMatchObject([503, '1', { code: 'ACCESS_ISSUER_UNAVAILABLE' }]);
  expect((await fetch(`${url}/metrics`)).status).toBe(200);
});

test('a wrong file of keys ends the start', async () => {
  const wrong = files.write('wrong.json', { keys: [{ name: 'a', sha256: 'x', roles: ['cook'] }] });
  await expect(open({ MILLRACE_GATEWAY_API_KEYS_FILE: wrong })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
});

describe.skipIf(!hasOpenssl())('over TLS', () => {
  const make = (name: string): TestCertificate => createCertificate(files.directory, name);
  /** As settings name them. */
  const write = ({ certificate, key }: TestCertificate, prefix: string) => ({
    MILLRACE_GATEWAY_TLS_CERTIFICATE_FILE: files.write(`${prefix}.pem`, certificate),
    MILLRACE_GATEWAY_TLS_KEY_FILE: files.write(`${prefix}.key`, key),
  });
  const send = async (url: string, ca: TestCertificate, client?: TestCertificate): Promise<number> => {
    const dispatcher = new Agent({ connect: { ca: ca.certificate, ...(client === undefined ? {} : { cert: client.certificate, key: client.key }) } });
    try {
      const headers = { 'content-type': 'application/json', 'x-api-key': keys.ingest };
      const answer = await request(`${url}/v1/events/payment`, { method: 'POST', headers, body, dispatcher });
      await answer.body.dump();
      return answer.statusCode;
    } finally {
      await dispatcher.destroy();
    }
  };

  test('takes events from those that trust the certificate, and nothing in plain text; a renewed one holds', async () => {
    const [own, next] = [make('own'), make('next')];
    const { url, gateway } = await open({ ...write(own, 'tls'), MILLRACE_GATEWAY_API_KEYS_FILE: files.write('tls-keys.json', { keys: entries }) });
    onTestFinished(() => gateway.close());
    expect(url).toMatch(/^https:/);
    expect(await send(url, own)).toBe(202);
    await expect(send(url, next)).rejects.toThrow();
    await expect(fetch(`${url.replace('https', 'http')}/v1/health/live`)).rejects.toThrow();
    write(next, 'tls');
    await vi.waitFor(async () => expect(await send(url, next)).toBe(202), { timeout: 5_000, interval: 100 });
  });

  test('with a CA of clients only those that it signed get a connection', async () => {
    const [own, client, stranger] = [make('server'), make('client'), make('stranger')];
    const { url, gateway } = await open({ ...write(own, 'mutual'), MILLRACE_GATEWAY_TLS_CLIENT_CA_FILE: files.write('clients.pem', client.certificate) });
    onTestFinished(() => gateway.close());
    expect(await send(url, own, client)).toBe(202);
    for (const wrong of [undefined, stranger]) await expect(send(url, own, wrong)).rejects.toThrow();
  });
});

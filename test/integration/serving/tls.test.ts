import { once } from 'node:events';
import { createConnection } from 'node:net';
import { connect } from 'node:tls';
import { credentials, status } from '@grpc/grpc-js';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { RunningServing } from '../../../serving/start-serving.ts';
import { INFERENCE_SERVICE } from '../../../src/contracts/inference.ts';
import { inferenceProto } from '../../../src/infra/load-proto.ts';
import { createAccessFiles } from '../../support/access-stage.ts';
import { createCertificate, hasOpenssl, type TestCertificate } from '../../support/certificates.ts';
import { createGrpcCaller } from '../../support/serving/grpc-caller.ts';
import { createServingStage, type ServingStage } from '../../support/serving/serving-stage.ts';

const RENEWED = { timeout: 5_000, interval: 100 };

/** The name in the certificate that a new connection gets. */
async function nameAt(port: number, { certificate }: TestCertificate): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', ca: certificate, rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  const name = String(socket.getPeerCertificate().subject.CN);
  socket.destroy();
  return name;
}

async function live({ url }: RunningServing, ca: TestCertificate, client?: TestCertificate): Promise<number> {
  const dispatcher = new Agent({ connect: { ca: ca.certificate, ...(client === undefined ? {} : { cert: client.certificate, key: client.key }) } });
  try {
    const { statusCode, body } = await request(`${url}/v1/health/live`, { dispatcher });
    await body.dump();
    return statusCode;
  } finally {
    await dispatcher.destroy();
  }
}

async function liveByGrpc({ grpcAddress }: RunningServing, ca: TestCertificate, client?: TestCertificate): Promise<status> {
  const pems = client === undefined ? [] : [Buffer.from(client.key), Buffer.from(client.certificate)];
  const caller = createGrpcCaller(grpcAddress, inferenceProto, INFERENCE_SERVICE, {}, credentials.createSsl(Buffer.from(ca.certificate), ...pems));
  const { error } = await caller.call('ServerLive', {}, 5_000);
  caller.close();
  return error?.status ?? status.OK;
}

describe.skipIf(!hasOpenssl())('over TLS', () => {
  const files = createAccessFiles();
  const make = (name: string): TestCertificate => createCertificate(files.directory, name);
  /** As settings name them. */
  const write = ({ certificate, key }: TestCertificate, prefix = '') => ({
    MILLRACE_SERVING_TLS_CERTIFICATE_FILE: files.write(`${prefix}tls.pem`, certificate),
    MILLRACE_SERVING_TLS_KEY_FILE: files.write(`${prefix}tls.key`, key),
  });
  let stage: ServingStage;
  beforeAll(async () => {
    stage = await createServingStage();
  });
  afterAll(async () => {
    await stage.close();
    files.remove();
  });

  it('HTTP and gRPC answer those that trust the certificate, and nobody in plain text', async () => {
    const [own, other] = [make('own'), make('other')];
    const serving = await stage.serve(write(own));
    expect(serving.url).toMatch(/^https:/);
    expect([await live(serving, own), await liveByGrpc(serving, own)]).toEqual([200, status.OK]);
    await expect(live(serving, other)).rejects.toThrow();
    expect(await liveByGrpc(serving, other)).toBe(status.UNAVAILABLE);
    await expect(fetch(`${serving.url.replace('https', 'http')}/v1/health/live`)).rejects.toThrow();
    const plain = createGrpcCaller(serving.grpcAddress, inferenceProto, INFERENCE_SERVICE);
    expect((await plain.call('ServerLive', {}, 1_000)).error).toBeDefined();
    plain.close();
  });

  it('a renewed certificate holds for new connections of both, and one without its key does not', async () => {
    const [before, after, half] = [make('before'), make('after'), make('half')];
    const serving = await stage.serve(write(before, 'renewed-'));
    const ports = [Number(new URL(serving.url).port), Number(serving.grpcAddress.split(':')[1])];
    const names = () => Promise.all(ports.map((port) => nameAt(port, before)));
    expect(await names()).toEqual(['before', 'before']);
    files.write('renewed-tls.pem', half.certificate);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(await names()).toEqual(['before', 'before']);
    write(after, 'renewed-');
    await vi.waitFor(async () => expect(await names()).toEqual(['after', 'after']), RENEWED);
    expect([await live(serving, after), await liveByGrpc(serving, after)]).toEqual([200, status.OK]);
  });

  it('with a CA of clients only those that it signed get a connection', async () => {
    const [own, client, stranger] = [make('own'), make('client'), make('stranger')];
    const ca = { MILLRACE_SERVING_TLS_CLIENT_CA_FILE: files.write('clients.pem', client.certificate) };
    const serving = await stage.serve({ ...write(own, 'mutual-'), ...ca });
    expect([await live(serving, own, client), await liveByGrpc(serving, own, client)]).toEqual([200, status.OK]);
    for (const wrong of [undefined, stranger]) {
      await expect(live(serving, own, wrong)).rejects.toThrow();
      expect(await liveByGrpc(serving, own, wrong)).toBe(status.UNAVAILABLE);
    }
    const next = make('next');
    write(next, 'mutual-');
    await vi.waitFor(async () => expect(await live(serving, next, client)).toBe(200), RENEWED);
    await expect(live(serving, next, stranger)).rejects.toThrow();
    await vi.waitFor(async () => expect(await liveByGrpc(serving, next, client)).toBe(status.OK), RENEWED);
    expect(await liveByGrpc(serving, next, stranger)).toBe(status.UNAVAILABLE);
  });

  it('a connection that says nothing is given up', async () => {
    const serving = await stage.serve({ ...write(make('own'), 'silent-'), MILLRACE_SERVING_HEADERS_TIMEOUT_MS: '200' });
    const socket = createConnection(Number(new URL(serving.url).port), '127.0.0.1');
    const began = performance.now();
    await once(socket.resume(), 'close');
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  it('a key of another certificate, or a file that is none, ends the start', async () => {
    const [one, two] = [make('one'), make('two')];
    const invalid = { code: 'CONFIG_INVALID' };
    await expect(stage.serve(write({ certificate: one.certificate, key: two.key }, 'wrong-'))).rejects.toMatchObject(invalid);
    await expect(stage.serve({ ...write(one, 'ca-'), MILLRACE_SERVING_TLS_CLIENT_CA_FILE: files.write('none.pem', 'x') })).rejects.toMatchObject(invalid);
  });
});

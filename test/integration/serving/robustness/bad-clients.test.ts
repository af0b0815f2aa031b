import { status } from '@grpc/grpc-js';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { INFERENCE_SERVICE } from '../../../../src/contracts/inference.ts';
import { openRobustnessStage, othersGoOn, type RobustnessStage } from './robustness-stage.ts';

const HEADERS_TIMEOUT_MS = 600;
const RECEPTION_MS = 3_000;
const BODY_BYTES_MAX = 50_000;
const SLOW_CLIENTS = 40;
/** What a busy machine may take longer. */
const SLACK_MS = 4_000;
const INFER_PATH = `/${INFERENCE_SERVICE}/ModelInfer`;

let stage: RobustnessStage;
beforeAll(async () => {
  stage = await openRobustnessStage({
    MILLRACE_SERVING_HEADERS_TIMEOUT_MS: String(HEADERS_TIMEOUT_MS),
    MILLRACE_SERVING_TIMEOUT_MS_MAX: String(RECEPTION_MS),
    MILLRACE_SERVING_BODY_BYTES_MAX: String(BODY_BYTES_MAX),
  });
});
afterAll(() => stage.close());
othersGoOn(() => stage);

const target = (): { host: string; port: number } => {
  const { hostname: host, port } = new URL(stage.serving.url);
  return { host, port: Number(port) };
};

/** Resolves when the connection is gone, however it ended. */
const gone = (socket: Socket): Promise<void> => {
  socket.on('error', () => undefined);
  return new Promise((resolve) => socket.once('close', () => resolve()));
};

/** Writes what it is given, then one more byte now and then, until the server closes; answers what came back and when. */
async function trickle(head: string, everyMs: number): Promise<{ answer: string; tookMs: number }> {
  const startedAt = performance.now();
  const socket = connect(target());
  let answer = '';
  socket.on('data', (chunk) => (answer += chunk.toString()));
  const closed = gone(socket);
  socket.write(head);
  const timer = setInterval(() => socket.writable && socket.write('x'), everyMs);
  await closed;
  clearInterval(timer);
  return { answer, tookMs: performance.now() - startedAt };
}

/** Sends bytes and ends; answers all that comes back. */
async function exchange(bytes: string | Uint8Array): Promise<string> {
  const socket: Socket = connect(target());
  let answer = '';
  socket.on('data', (chunk) => (answer += chunk.toString()));
  const closed = gone(socket);
  socket.end(bytes);
  await closed;
  return answer;
}

describe('a client that is slow', { timeout: 30_000 }, () => {
  it('with its headers is told and cut off, however many do it', async () => {
    const head = 'POST /v1/models/delay/predict HTTP/1.1\r\nHost: a\r\nX-Slow: ';
    const outcomes = await Promise.all(Array.from({ length: SLOW_CLIENTS }, () => trickle(head, 100)));
    for (const { answer, tookMs } of outcomes) {
      expect(answer).toMatch(/^HTTP\/1\.1 408 [^]*"code":"REQUEST_INVALID"/);
      expect(tookMs).toBeLessThan(HEADERS_TIMEOUT_MS + SLACK_MS);
    }
  });

  it('with its body is told and cut off, however many do it', async () => {
    const head = 'POST /v1/models/delay/predict HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 40000\r\n\r\n{';
    const outcomes = await Promise.all(Array.from({ length: SLOW_CLIENTS }, () => trickle(head, 100)));
    for (const { answer, tookMs } of outcomes) {
      expect(answer).toMatch(/^HTTP\/1\.1 408 [^]*"code":"REQUEST_INVALID"/);
      expect(tookMs).toBeLessThan(RECEPTION_MS + SLACK_MS);
    }
  });

  it('with the message of a gRPC call is told DEADLINE_EXCEEDED', async () => {
    const session = connectHttp2(`http://${stage.serving.grpcAddress}`);
    const calls = Array.from({ length: SLOW_CLIENTS }, async () => {
      const call = session.request({ ':method': 'POST', ':path': INFER_PATH, 'content-type': 'application/grpc', te: 'trailers' });
      const found: Record<string, unknown> = {};
      call.on('response', (headers) => Object.assign(found, headers));
      call.on('trailers', (trailers) => Object.assign(found, trailers));
      call.on('error', () => undefined);
      call.resume();
      // The head of a frame, and never what it announces.
      call.write(Buffer.from([0, 0, 0, 1]));
      await Promise.race([once(call, 'end'), sleep(RECEPTION_MS + SLACK_MS)]);
      call.close();
      return found;
    });
    for (const found of await Promise.all(calls)) {
      expect(found).toMatchObject({ 'grpc-status': String(status.DEADLINE_EXCEEDED), 'millrace-error-code': 'SERVING_DEADLINE_EXCEEDED' });
    }
    session.close();
  });
});

describe('bytes that are no request', () => {
  const request = (headers: string, body = ''): string => `POST /v1/models/delay/predict HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n${headers}\r\n\r\n${body}`;
  it.each<[what: string, bytes: string, head: string]>([
    ['noise', '\u0016\u0003\u0001\u0002\u0000\u0001noise\r\n\r\n', 'HTTP/1.1 400'],
    ['headers without end', `GET / HTTP/1.1\r\nHost: a\r\nX-Long: ${'x'.repeat(100_000)}`, 'HTTP/1.1 431'],
    ['a body of two lengths', request('Content-Length: 5\r\nTransfer-Encoding: chunked', '0\r\n\r\n'), 'HTTP/1.1 400'],
    ['a negative length', request('Content-Length: -1'), 'HTTP/1.1 400'],
    ['a chunk of no length', request('Transfer-Encoding: chunked', 'zz\r\n{}\r\n'), 'HTTP/1.1 400'],
    ['a body that ends early', request('Content-Length: 500', '{"instance":'), 'HTTP/1.1 400'],
  ])('%s: refused in the form of all errors', async (_what, bytes, head) => {
    const answer = await exchange(bytes);
    expect(answer.slice(0, head.length)).toBe(head);
    expect(answer).toContain('"code":"REQUEST_INVALID"');
  });

  it('at the port of gRPC end their connection, and no other', async () => {
    const [host = '', port] = stage.serving.grpcAddress.split(':');
    for (const bytes of ['GET / HTTP/1.1\r\nHost: a\r\n\r\n', Buffer.alloc(1_000, 255)]) {
      const socket = connect({ host, port: Number(port) });
      const closed = gone(socket);
      socket.resume();
      socket.write(bytes);
      await closed;
    }
    expect((await stage.infer('delay', [0])).error).toBeUndefined();
  });
});

describe('a body', () => {
  const predictBody = (instance: string): string => `{"instance":${instance}}`;
  const good = '{"origin":"JFK","carrier":"UA","distance":1}';
  const deep = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;
  it.each<[what: string, body: string | Uint8Array, http: number, headers?: Record<string, string>]>([
    ['that is deep', predictBody(deep(20_000)), 400],
    ['whose field is deep', predictBody(`{"origin":${deep(20_000)},"carrier":"UA","distance":1}`), 400],
    ['with a prototype', predictBody(`{"__proto__":{"origin":"JFK"},"carrier":"UA","distance":1}`), 400],
    ['with a number beyond all', predictBody(good.replace('1}', '1e999}')), 400],
    ['with NaN', predictBody(good.replace('1}', 'NaN}')), 400],
    ['with a text for a number', predictBody(good.replace('1}', '"1"}')), 400],
    ['with a thousand fields', predictBody(`{${Array.from({ length: 1_000 }, (_, i) => `"f${i}":1`).join(',')}}`), 400],
    ['of another type', good, 415, { 'content-type': 'text/xml' }],
    ['that is packed where nothing unpacks', gzipSync(predictBody(good)), 400, { 'content-encoding': 'gzip' }],
    ['that is too long', predictBody(good.replace('JFK', 'x'.repeat(BODY_BYTES_MAX))), 413],
    ['that is cut off', predictBody(good).slice(0, -5), 400],
    ['of no UTF-8', Buffer.concat([Buffer.from('{"instance":{"origin":"'), Buffer.from([0xff, 0xfe, 0xc0]), Buffer.from('"}}')]), 400],
  ])('%s is refused by predictions with a code', async (_what, body, http, headers = {}) => {
    const answer = await stage.post('/v1/models/delay/predict', body, headers);
    expect([answer.status, answer.body.code]).toEqual([http, http === 413 ? 'REQUEST_TOO_LARGE' : 'REQUEST_INVALID']);
    expect(answer.body.error.length).toBeLessThan(BODY_BYTES_MAX);
  });

  it('in chunks that never end is refused once it is too long', async () => {
    const socket = connect(target());
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString()));
    const closed = gone(socket);
    socket.write('POST /v2/models/delay/infer HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n');
    const chunk = `2000\r\n${' '.repeat(0x2000)}\r\n`;
    for (let i = 0; i < 100 && socket.writable && answer === ''; i++) {
      socket.write(chunk);
      await sleep(1);
    }
    socket.end();
    await closed;
    expect(answer).toMatch(/^HTTP\/1\.1 413 [^]*"code":"REQUEST_TOO_LARGE"/);
  });

  it('that a priority is wrong in is refused with the other problems', async () => {
    const { status: http, body } = await stage.predict('delay', 1, { 'x-request-priority': 'urgent', 'x-request-timeout': 'never' });
    expect([http, body.code]).toEqual([400, 'REQUEST_INVALID']);
    expect(body.error).toMatch(/X-Request-Timeout.*X-Request-Priority: expected high, normal, low or 0 to 3, found text 'urgent'/);
    const { error } = await stage.infer('delay', [0], { priority: { int64Param: 9 } });
    expect([error?.status, error?.message]).toEqual([status.INVALID_ARGUMENT, expect.stringContaining('parameters.priority')]);
  });

  it.each(['nobody', 'delay/versions/99'])('for %s is told that there is none', async (model) => {
    const inputs = [{ name: 'features', datatype: 'FP32', shape: [1, 4], data: [0, 0, 0, 0] }];
    const { status: http, body } = await stage.post(`/v2/models/${model}/infer`, { inputs });
    expect([http, body.code]).toEqual([404, model === 'nobody' ? 'MODEL_NOT_FOUND' : 'MODEL_VERSION_NOT_FOUND']);
  });

  it('of gRPC that is too long, or unpacks to that, is refused', async () => {
    const { error } = await stage.infer('delay', new Array<number>(BODY_BYTES_MAX / 10).fill(1));
    expect(error?.status).toBe(status.RESOURCE_EXHAUSTED);
    const session = connectHttp2(`http://${stage.serving.grpcAddress}`);
    const call = session.request({ ':method': 'POST', ':path': INFER_PATH, 'content-type': 'application/grpc', 'grpc-encoding': 'gzip', te: 'trailers' });
    const found: Record<string, unknown> = {};
    call.on('response', (headers) => Object.assign(found, headers));
    call.on('trailers', (trailers) => Object.assign(found, trailers));
    call.on('error', () => undefined);
    call.resume();
    const bomb = gzipSync(Buffer.alloc(500 * BODY_BYTES_MAX));
    const head = Buffer.alloc(5);
    head.writeUInt8(1, 0);
    head.writeUInt32BE(bomb.length, 1);
    call.end(Buffer.concat([head, bomb]));
    await once(call, 'close');
    expect(found['grpc-status']).toBe(String(status.RESOURCE_EXHAUSTED));
    session.close();
  });
});

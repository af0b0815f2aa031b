import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { DataPlane } from '../../../../serving/data-plane.ts';
import type { OpenInference } from '../../../../serving/inference/open-inference.ts';
import type { InferRequest } from '../../../../serving/inference/infer-request.ts';
import { createEchoServer } from '../../../support/serving/echo-server.ts';

const SLOW_MS = 500;
const LOOK_EVERY_MS = 500;
const ANSWER_MS = 300;
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A server, the requests that came to its router, and a connection to it. */
async function setUp(environment: Readonly<Record<string, string>> = {}, over: Parameters<typeof createEchoServer>[1] = {}) {
  const app = createEchoServer(environment, over);
  const routed: string[] = [];
  app.addHook('onRequest', ({ url }, _reply, done) => {
    routed.push(url);
    done();
  });
  const port = Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port);
  const socket: Socket = connect({ host: '127.0.0.1', port, noDelay: true });
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString()));
  socket.on('error', () => undefined);
  closers.push(() => app.close(), () => socket.destroy());
  await once(socket, 'connect');
  return {
    app,
    port,
    socket,
    routed,
    /** Status and numbers of the answers so far. */
    answers: (): string[] => text.split(/(?=HTTP\/1\.1)/).filter((one) => one !== '').map((one) => `${one.slice(9, 12)} ${/"data":\[([^\]]*)\]/.exec(one)?.[1] ?? ''}`.trim()),
    text: (): string => text,
  };
}

const request = (number: number, more = ''): string => {
  const body = `{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[${number}]}]}`;
  return `POST /v2/models/echo/infer HTTP/1.1\r\nHost: a\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`;
};
const until = (look: () => unknown, expected: unknown): Promise<void> => vi.waitFor(() => expect(look()).toEqual(expected), { timeout: 5_000, interval: 5 });

describe('a plain request', () => {
  it('does not come to the router, nor do the next ones, sent at once or in pieces', async () => {
    const { socket, routed, answers } = await setUp();
    socket.write(request(1));
    await until(answers, ['200 1']);
    socket.write(request(2) + request(3) + request(4).slice(0, 40));
    await until(answers, ['200 1', '200 2', '200 3']);
    socket.write(request(4).slice(40));
    await until(answers, ['200 1', '200 2', '200 3', '200 4']);
    expect(routed).toEqual([]);
  });

  it('that waits for its turn is answered in its order, in pieces or with others', async () => {
    const { socket, routed, answers } = await setUp({ MILLRACE_SERVING_TURN_MS: '0' });
    socket.write(request(1) + request(2) + request(3).slice(0, 40));
    await until(answers, ['200 1', '200 2']);
    socket.write(request(3).slice(40, 70));
    await sleep(20);
    socket.write(request(3).slice(70) + request(4));
    await until(answers, ['200 1', '200 2', '200 3', '200 4']);
    expect(routed).toEqual([]);
  });

  it.each(['2', '0'])('whose caller closes its half is given up, whole or not, with turns of %s ms', async (turnMs) => {
    // So late that the end of the connection is seen before, however busy the machine: an answer at once may be out by then.
    const infer = async ({ inputs }: InferRequest) => {
      await sleep(ANSWER_MS);
      return { model: 'echo', version: 1, role: 'champion', digest: 'd', id: undefined, outputs: inputs };
    };
    const openInference = { serverMetadata: { version: '1' }, reading: <T>(_model: string, read: () => T): T => read(), infer } as unknown as OpenInference;
    for (const [sent, expected] of [[request(1), []], [request(1).slice(0, -5), ['400']]] as const) {
      const { socket, answers } = await setUp({ MILLRACE_SERVING_TURN_MS: turnMs }, { openInference });
      socket.end(sent);
      await once(socket, 'close');
      expect(answers()).toEqual(expected);
    }
  });

  it('has waited since it was read: that counts for its deadline', async () => {
    const arrivals: (number | undefined)[] = [];
    const infer = ({ inputs, arrivedAt }: InferRequest) => {
      arrivals.push(arrivedAt);
      return Promise.resolve({ model: 'echo', version: 1, role: 'champion', digest: 'd', id: undefined, outputs: inputs });
    };
    const { socket, answers } = await setUp({}, { openInference: { serverMetadata: { version: '1' }, reading: (_model: string, read: () => unknown) => read(), infer } as unknown as OpenInference });
    socket.write(request(1).slice(0, -3));
    await sleep(50);
    const wholeAt = performance.now();
    socket.write(request(1).slice(-3));
    await until(answers, ['200 1']);
    expect(arrivals[0]).toBeGreaterThanOrEqual(wholeAt);
    expect(arrivals[0]).toBeLessThan(performance.now());
  });

  it('comes to the router where the lane is off', async () => {
    const { socket, routed, answers } = await setUp({ MILLRACE_SERVING_FAST_LANE: 'off' });
    socket.write(request(1));
    await until(answers, ['200 1']);
    expect(routed).toEqual(['/v2/models/echo/infer']);
  });

  it('that another follows which is not plain is answered first; the connection goes to the router then', async () => {
    const { socket, routed, answers } = await setUp();
    socket.write(`${request(1)}GET /v2/health/live HTTP/1.1\r\nHost: a\r\n\r\n`);
    await until(answers, ['200 1', '200']);
    socket.write(request(2));
    await until(answers, ['200 1', '200', '200 2']);
    expect(routed).toEqual(['/v2/health/live', '/v2/models/echo/infer']);
  });

  it('is refused with what the router refuses it with', async () => {
    const { socket, routed, text } = await setUp();
    socket.write(request(1, 'X-Request-Timeout: never\r\nX-Request-Id: r-7\r\n'));
    await until(() => /^HTTP\/1\.1 400 [^]*x-request-id: r-7[^]*X-Request-Timeout: expected[^]*"code":"REQUEST_INVALID"/.test(text()), true);
    expect(routed).toEqual([]);
  });

  it('whose body is longer than bodies may be is for the router', async () => {
    const { socket, routed, text } = await setUp({ MILLRACE_SERVING_BODY_BYTES_MAX: '50' });
    socket.write(request(1));
    await until(() => text().slice(0, 12), 'HTTP/1.1 413');
    expect(routed).toEqual(['/v2/models/echo/infer']);
  });
});

describe('a connection', () => {
  it('whose request comes slowly is told by the full server that it was too slow', async () => {
    const { socket, text } = await setUp({ MILLRACE_SERVING_HEADERS_TIMEOUT_MS: '300' });
    const closed = once(socket, 'close');
    socket.write('POST /v2/models/echo/infer HTTP/1.1\r\nHost: a\r\nX: ');
    await closed;
    expect(text()).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('that says nothing is the full server\'s too, and one that said something may be silent for as long as is allowed', async () => {
    const { port, socket, answers } = await setUp({ MILLRACE_SERVING_HEADERS_TIMEOUT_MS: '300', MILLRACE_SERVING_KEEP_ALIVE_MS: '1500' });
    const silent = connect({ host: '127.0.0.1', port });
    silent.resume();
    const silentClosed = once(silent, 'close');
    const startedAt = performance.now();
    socket.write(request(1));
    const idleClosed = once(socket, 'close').then(() => performance.now() - startedAt);
    await silentClosed;
    expect(socket.closed).toBe(false);
    expect(await idleClosed).toBeGreaterThan(1_400);
    expect(answers()).toEqual(['200 1']);
  });

  it('that ends within a request is told so', async () => {
    const { socket, text } = await setUp();
    const closed = once(socket, 'close');
    socket.end(request(1).slice(0, -3));
    await closed;
    expect(text()).toMatch(/^HTTP\/1\.1 400 [^]*it ended early/);
  });

  it('that is closed takes its request with it', async () => {
    const left: boolean[] = [];
    const infer = async ({ departure }: InferRequest): Promise<never> => {
      await new Promise<void>((resolve) => departure?.onGone(resolve));
      left.push(departure?.gone === true);
      throw new Error('nobody is there');
    };
    const reading = <T>(_model: string, read: () => T): T => read();
    const { socket } = await setUp({}, { openInference: { serverMetadata: { version: '1' }, reading, infer } as unknown as OpenInference });
    socket.write(request(1));
    await sleep(20);
    socket.destroy();
    await until(() => left, [true]);
  });

  it('whose client does not read gets no more than its buffers hold', { timeout: 60_000 }, async () => {
    const numbers = Array.from({ length: 4_000 }, (_, i) => i);
    const body = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [numbers.length], data: numbers }] });
    const bytes = `POST /v2/models/echo/infer HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const asked = vi.fn();
    const reading = <T>(_model: string, read: () => T): T => read();
    const infer = ({ inputs }: InferRequest) => {
      asked();
      return Promise.resolve({ model: 'echo', version: 1, role: 'champion', digest: 'd', id: undefined, outputs: inputs });
    };
    const { socket } = await setUp({}, { openInference: { serverMetadata: { version: '1' }, reading, infer } as unknown as OpenInference });
    const total = 1_000;
    socket.pause();
    for (let i = 0; i < total; i++) socket.write(bytes);
    let before = -1;
    while (before !== asked.mock.calls.length) {
      before = asked.mock.calls.length;
      await sleep(400);
    }
    expect(before).toBeLessThan(total);
    socket.resume();
    await vi.waitFor(() => expect(asked).toHaveBeenCalledTimes(total), { timeout: 40_000, interval: 50 });
  });
});

it('a process that retires still receives what comes slowly, and ends each connection with its answer', async () => {
  const dataPlane = { models: [], retiring: true } as unknown as DataPlane;
  const { port, socket, text } = await setUp({}, { dataPlane });
  const closed = once(socket, 'close');
  socket.write(request(1).slice(0, -5));
  const quick = connect({ host: '127.0.0.1', port });
  let quickText = '';
  quick.on('data', (chunk) => (quickText += chunk.toString()));
  quick.write(request(2));
  await once(quick, 'close');
  await sleep(SLOW_MS + 2 * LOOK_EVERY_MS);
  expect(text()).toBe('');
  socket.write(request(1).slice(-5));
  await closed;
  for (const answer of [quickText, text()]) expect(answer).toMatch(/^HTTP\/1\.1 200 [^]*connection: close/i);
});

it('a server that closes answers what is under way, says that it closes, and waits for no idle connection', async () => {
  const reading = <T>(_model: string, read: () => T): T => read();
  const infer = vi.fn(async ({ inputs }: InferRequest) => {
    await sleep(100);
    return { model: 'echo', version: 1, role: 'champion', digest: 'd', id: undefined, outputs: inputs };
  });
  const { app, port, socket, text } = await setUp({}, { openInference: { serverMetadata: { version: '1' }, reading, infer } as unknown as OpenInference });
  const idle = connect({ host: '127.0.0.1', port });
  const idleClosed = once(idle.resume(), 'close');
  const partial = connect({ host: '127.0.0.1', port });
  const partialText: string[] = [];
  partial.on('data', (chunk) => partialText.push(chunk.toString()));
  partial.write(request(2).slice(0, -5));
  await Promise.all([once(idle, 'connect'), sleep(30)]);
  socket.write(request(1));
  await until(() => infer.mock.calls.length, 1);
  const closing = app.close();
  partial.write(request(2).slice(-5));
  await Promise.all([closing, idleClosed]);
  const isLast = (answer: string): boolean => /^HTTP\/1\.1 200 [^]*Connection: close/.test(answer);
  await until(() => [text(), partialText.join('')].map(isLast), [true, true]);
});

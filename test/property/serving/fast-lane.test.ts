import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { createHttpServer } from '../../../serving/http/create-http-server.ts';
import { createEchoServer } from '../../support/serving/echo-server.ts';

const BODY_BYTES_MAX = 600;
const RUNS = 200;
const QUIET_MS = 100;
const PATIENT_MS = 1_500;

/** In `waiting` every request has to wait for its turn. */
let servers: Readonly<Record<'fast' | 'waiting' | 'full', number>>;
const started: ReturnType<typeof createHttpServer>[] = [];
beforeAll(async () => {
  const listen = async (environment: Readonly<Record<string, string>>): Promise<number> => {
    const app = createEchoServer({ ...environment, MILLRACE_SERVING_BODY_BYTES_MAX: String(BODY_BYTES_MAX) });
    started.push(app);
    return Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port);
  };
  servers = { fast: await listen({}), waiting: await listen({ MILLRACE_SERVING_TURN_MS: '0' }), full: await listen({ MILLRACE_SERVING_FAST_LANE: 'off' }) };
});
afterAll(() => Promise.all(started.map((app) => app.close())));

const one = (data: readonly number[]): string => JSON.stringify({ inputs: [{ name: 'features', datatype: 'FP32', shape: [1, data.length], data }] });
const inferBodies = fc.oneof(
  { weight: 6, arbitrary: fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 12 }).map(one) },
  fc.json(),
  fc.constantFrom('', '{', '{"inputs":[]}', 'null', '{"inputs":[{"name":"features","datatype":"FP32","shape":[1,2],"data":[1,null]}]}', ' '.repeat(BODY_BYTES_MAX + 1)),
);
const predictBodies = fc.oneof(
  { weight: 6, arbitrary: fc.record({ instance: fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 1 }), { maxKeys: 3 }) }).map((body) => JSON.stringify(body)) },
  fc.json(),
  fc.constantFrom('', '[', '{"instance":{"__proto__":{}}}', '{"instance":{"a":{"constructor":{"prototype":{}}}}}', '\ufeff{"instance":{}}', '{"instance":{"fail":true}}', '{"instance":{"throw":true}}'),
);
/** Mostly what clients send, and now and then what parsers have disagreed about. */
const fields = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('Accept: */*', 'user-agent: a b/1.0 (c)', 'X-Request-Id: r-1', 'x-request-id: not\tone', 'Connection: keep-alive', 'accept-encoding: gzip, deflate', 'X-Request-Timeout: 50', 'x-request-priority: high') },
    fc.constantFrom(
      ...['Connection: close', 'Connection: Keep-Alive, Upgrade', 'Expect: 100-continue', 'Transfer-Encoding: chunked', 'Content-Length: 3', 'content-length : 2', ' folded: 1', 'X: é', 'X:', 'X-Y:z', 'X_Y: z', 'X Y: z', 'no field'],
      ...['Host: b', 'Content-Type: text/plain', 'Content-Encoding: gzip', 'Upgrade: h2c', 'x-request-timeout: never', 'X-Request-Priority: urgent', 'Trailer: a', 'TE: trailers', 'X: a\rb', 'X: a\nb', `X: ${'y'.repeat(9_000)}`],
    ),
  ),
  { maxLength: 3 },
);
const targets = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom('/v2/models/echo/infer', '/v2/models/echo/versions/1/infer') },
  fc.constantFrom('/v2/models/echo/infer?x=1', '/v2/models/%65cho/infer', '/v2/models/nobody/infer', '/v2/models/e/infer/', '/V2/models/echo/infer', '/v2', 'http://a/v2/models/echo/infer', '*', `/v2/models/${'e'.repeat(101)}/infer`),
);
const often = <T>(usual: T, ...others: T[]): fc.Arbitrary<T> => fc.oneof({ weight: 12, arbitrary: fc.constant(usual) }, fc.constantFrom(...others));
const requests = fc
  .record({
    method: often('POST', 'GET', 'post', 'PUT'),
    version: often('HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', ''),
    route: fc.oneof(fc.tuple(targets, inferBodies), fc.tuple(fc.constant('/v1/models/echo/predict'), predictBodies)),
    host: often('Host: a', 'host:a', 'Host: ', ''),
    type: often('Content-Type: application/json', 'content-type: application/json; charset=utf-8', 'Content-Type: application/octet-stream', 'Content-Type: nonsense', ''),
    /** Bytes that are announced beyond those that come: the next request's first ones, where there is a next. */
    longer: often(0, 1),
    fields,
    newline: often('\r\n', '\n'),
  })
  .map(({ method, version, route: [target, body], host, type, longer, fields: more, newline }) => {
    const bytes = Buffer.from(body);
    const lines = [`${method} ${target} ${version}`.trim(), host, type, `Content-Length: ${bytes.length + longer}`, ...more].filter((line) => line !== '');
    return Buffer.concat([Buffer.from(`${lines.join(newline)}${newline}${newline}`), bytes]);
  });
/** Requests one after the other, each in pieces of any size. */
const conversations = fc.array(fc.record({ bytes: requests, cuts: fc.array(fc.nat(800), { maxLength: 2 }), pauseMs: fc.constantFrom(0, 0, 3) }), { minLength: 1, maxLength: 5 });
type Conversation = typeof conversations extends fc.Arbitrary<infer T> ? T : never;

/**
 * All that comes back of a connection on which each request waits for the answer to the one before: with several at once, the
 * full server gives up answers that are under way when it comes to bytes that are none.
 * @param quietMs after which nothing more is waited for
 */
async function converse(port: number, conversation: Conversation, quietMs: number): Promise<string> {
  const socket: Socket = connect({ host: '127.0.0.1', port, noDelay: true });
  let answer = '';
  let heard: () => void = () => undefined;
  socket.on('error', () => undefined);
  socket.on('data', (chunk) => {
    answer += chunk.toString('latin1');
    heard();
  });
  socket.on('close', () => heard());
  await once(socket, 'connect');
  for (const { bytes, cuts, pauseMs } of conversation) {
    const before = answer.length;
    const ends = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
    for (const [i, from] of [0, ...ends].entries()) {
      const piece = bytes.subarray(from, ends[i] ?? bytes.length);
      if (socket.writable && piece.length > 0) socket.write(piece);
      if (pauseMs > 0) await sleep(pauseMs);
    }
    const giveUpAt = performance.now() + quietMs;
    while (!socket.closed && !isAnswered(answer.slice(before)) && performance.now() < giveUpAt) {
      await Promise.race([sleep(giveUpAt - performance.now()), new Promise<void>((resolve) => (heard = resolve))]);
    }
  }
  socket.destroy();
  return normal(answer);
}

/** Whether there is a whole answer that is not provisional. */
function isAnswered(text: string): boolean {
  const [head, body] = text.replace(/^HTTP\/1\.1 100[^]*?\r\n\r\n/, '').split('\r\n\r\n');
  return body !== undefined && body.length >= Number(/^content-length: (\d+)/im.exec(head ?? '')?.[1] ?? 0);
}

/** Fields in any order and case; dates and ids that were made up are alike. */
function normal(answer: string): string {
  return answer
    .split(/(?=HTTP\/1\.1 \d{3} )/)
    .map((one) => {
      const [head = '', ...body] = one.split('\r\n\r\n');
      const [line, ...lines] = head.split('\r\n');
      const sorted = lines.map((text) => text.replace(/^[^:]+/, (name) => name.toLowerCase()).replace(/^date: .*/, 'date').replace(/^x-request-id: [\w-]{36}$/, 'x-request-id'));
      return [line, ...sorted.sort(), '', body.join('\r\n\r\n').replace(/request '[\w-]{36}'/, 'request')].join('\n');
    })
    .join('\n\n');
}

test('whatever comes, in whatever pieces, is answered by the fast lane as by the full server', { timeout: 240_000 }, async () => {
  const all = (conversation: Conversation, quietMs: number): Promise<[string, string, string]> =>
    Promise.all([converse(servers.fast, conversation, quietMs), converse(servers.waiting, conversation, quietMs), converse(servers.full, conversation, quietMs)]);
  await fc.assert(
    fc.asyncProperty(conversations, async (conversation) => {
      let [fast, waiting, full] = await all(conversation, QUIET_MS);
      // A busy machine may have kept one of them from answering.
      if (fast !== full || waiting !== full) [fast, waiting, full] = await all(conversation, PATIENT_MS);
      expect(fast).toBe(full);
      expect(waiting).toBe(full);
    }),
    { numRuns: RUNS },
  );
});

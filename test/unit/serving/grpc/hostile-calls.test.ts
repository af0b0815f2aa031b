import { status } from '@grpc/grpc-js';
import { once } from 'node:events';
import { connect, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGrpcServer, type GrpcServer } from '../../../../serving/grpc/create-grpc-server.ts';
import { createLogger } from '../../../../src/infra/logger.ts';
import { openControl } from '../../../support/access-stage.ts';

const CHECK = '/grpc.health.v1.Health/Check';
const REFLECTION = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
const RECEPTION_MS = 300;
const DETAILS_BYTES_MAX = 4_096;
const HIGH_BITS = 0x80;

let server: GrpcServer;
let session: ClientHttp2Session;
beforeAll(async () => {
  server = await startGrpcServer({
    host: '127.0.0.1',
    port: 0,
    messageBytesMax: 1024 * 1024,
    keepAliveMs: 60_000,
    receptionMsMax: RECEPTION_MS,
    services: [],
    access: openControl(),
    logger: createLogger('test', 'silent'),
  });
  session = connect(`http://${server.address}`);
});
afterAll(async () => {
  session.destroy();
  await server.drain(sleep(0));
});

function open(path: string): ClientHttp2Stream & { readonly found: Record<string, unknown> } {
  const call = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' }, { endStream: false });
  const found: Record<string, unknown> = {};
  call.on('response', (headers) => Object.assign(found, headers));
  call.on('trailers', (trailers) => Object.assign(found, trailers));
  call.on('error', () => undefined);
  return Object.assign(call, { found });
}

function varint(value: number): number[] {
  return value < HIGH_BITS ? [value] : [(value % HIGH_BITS) + HIGH_BITS, ...varint(Math.floor(value / HIGH_BITS))];
}

/** A frame of a message whose one field is a text. */
function frame(field: number, text: string | Buffer): Buffer {
  const bytes = Buffer.from(text);
  const message = Buffer.concat([Buffer.from([field * 8 + 2, ...varint(bytes.length)]), bytes]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

async function check(service: string | Buffer): Promise<Record<string, unknown>> {
  const call = open(CHECK);
  call.resume();
  call.end(frame(1, service));
  await once(call, 'close');
  return call.found;
}

test('a call of one message that is sent and never ended is told DEADLINE_EXCEEDED, and is over', async () => {
  const call = open(CHECK);
  call.resume();
  call.write(frame(1, ''));
  await once(call, 'close');
  expect(call.found).toMatchObject({ 'grpc-status': String(status.DEADLINE_EXCEEDED), 'millrace-error-code': 'SERVING_DEADLINE_EXCEEDED' });
});

test('a stream of requests may take its time once the first has come', async () => {
  const call = open(REFLECTION);
  let bytes = 0;
  call.on('data', (chunk: Buffer) => (bytes += chunk.length));
  call.write(frame(7, ''));
  await sleep(2 * RECEPTION_MS);
  const first = bytes;
  call.end(frame(7, ''));
  await once(call, 'close');
  expect([bytes, call.found['grpc-status']]).toEqual([2 * first, String(status.OK)]);
});

test.each<[what: string, name: string | Buffer]>([
  ['is long', 'n'.repeat(500_000)],
  ['is long, of characters that are long', '\u{1f980}'.repeat(100_000)],
  ['has no encoding', Buffer.from([0xed, 0xa0, 0x80])],
])('a name that %s costs its caller no connection', async (_what, name) => {
  const found = await check(name);
  expect(found['grpc-status']).toBe(String(status.NOT_FOUND));
  expect(String(found['grpc-message']).length).toBeLessThanOrEqual(DETAILS_BYTES_MAX);
  expect((await check(''))['grpc-status']).toBe(String(status.OK));
});

test('a caller of reflection that reads nothing is read from no further, and goes on when it reads', async () => {
  const requests = 500;
  const call = open(REFLECTION);
  call.pause();
  let taken = 0;
  const sending = (async () => {
    // Each answer carries its request.
    for (; taken < requests; taken++) await new Promise<void>((resolve) => call.write(frame(3, 'x'.repeat(10_000)), () => resolve()));
  })();
  let before = -1;
  for (; before < taken; await sleep(500)) before = taken;
  expect(taken).toBeLessThan(requests / 2);
  call.resume();
  await sending;
  call.end();
  await once(call, 'close');
  expect(call.found['grpc-status']).toBe(String(status.OK));
});

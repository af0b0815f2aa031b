import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import Fastify, { type FastifyServerOptions } from 'fastify';
import { expect, onTestFinished, test } from 'vitest';
import { createSpared } from '../../../../serving/http/spare-long-requests.ts';

/** Sends a body for more than twice the limit on receiving one; what came back. */
async function sendSlowly(isSpared: boolean): Promise<string> {
  const http = { connectionsCheckingInterval: 50, headersTimeout: 1_000 };
  const app = Fastify({ requestTimeout: 1_000, http } as FastifyServerOptions);
  onTestFinished(() => app.close());
  app.addContentTypeParser('*', (_request, body, done) => done(null, body));
  const spare = createSpared(app);
  app.post('/', async ({ raw, body }) => {
    if (isSpared) spare(raw.socket);
    let length = 0;
    for await (const chunk of body as Readable) length += (chunk as Buffer).length;
    return String(length);
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  const sending = request({ port, host: '127.0.0.1', method: 'POST', headers: { 'content-type': 'application/x-ndjson' } });
  const answer = new Promise<string>((resolve) => {
    sending.on('error', (error) => resolve(error.message));
    sending.on('response', (response) => {
      response.on('data', (text: Buffer) => resolve(`${response.statusCode ?? 0} ${text.toString()}`));
    });
  });
  for (let turn = 0; turn < 6 && !sending.destroyed; turn++) {
    sending.write('x');
    await sleep(400);
  }
  sending.end();
  return answer;
}

test('a request that is spared may take longer than the limit, any other may not', async () => {
  expect(await sendSlowly(true)).toBe('200 6');
  expect(await sendSlowly(false)).not.toMatch(/^200/);
});

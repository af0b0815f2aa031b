import Fastify from 'fastify';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { createErrorSender } from '../../../../serving/http/send-error.ts';
import { MillraceError } from '../../../../src/core/millrace-error.ts';
import type { Span } from '../../../../src/infra/tracing.ts';

const traceId = 'a'.repeat(32);

/** A server that fails with what it is given, its log lines, and what its span was told. */
async function answerTo(error: Error, level: string) {
  const lines: Record<string, unknown>[] = [];
  const noted: unknown[] = [];
  const logger = pino({ level }, { write: (line: string) => lines.push(JSON.parse(line) as Record<string, unknown>) });
  const span = { traceId, set: (attributes: unknown) => noted.push(attributes), fail: (found: unknown) => noted.push(found) } as unknown as Span;
  const app = Fastify({ genReqId: () => 'r-1' });
  app.setErrorHandler(createErrorSender(logger, () => span));
  app.get('/', () => Promise.reject(error));
  const answer = await app.inject('/');
  return { status: answer.statusCode, body: answer.json<Record<string, unknown>>(), lines, noted };
}

it('what nobody expected is logged with the ids of its request and trace, and told without its insides', async () => {
  const error = new Error('secret insides');
  const { status, body, lines, noted } = await answerTo(error, 'info');
  expect([status, body['code']]).toEqual([500, 'INTERNAL']);
  expect(JSON.stringify(body)).toContain('r-1');
  expect(JSON.stringify(body)).not.toContain('secret');
  expect(lines).toMatchObject([{ requestId: 'r-1', traceId, err: { message: 'secret insides' }, msg: 'request failed' }]);
  expect(noted).toEqual([error]);
});

it('a refusal is logged at debug only, and is no failure of the span', async () => {
  const error = new MillraceError('REQUEST_INVALID', 'It is wrong.');
  expect((await answerTo(error, 'info')).lines).toEqual([]);
  const { status, lines, noted } = await answerTo(error, 'debug');
  expect(status).toBe(400);
  expect(lines).toMatchObject([{ requestId: 'r-1', traceId, code: 'REQUEST_INVALID' }]);
  expect(noted).toEqual([{ 'error.type': 'REQUEST_INVALID' }]);
});

it('a fault of ours that was expected fails the span too, and says when to try again', async () => {
  const error = new MillraceError('SERVING_DRAINING', 'It ends.', { details: { retryAfterSeconds: 3 } });
  const { status, noted } = await answerTo(error, 'info');
  expect([status, noted]).toEqual([503, [error]]);
});

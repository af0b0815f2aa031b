import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { errorTable, type ErrorCode } from '../../src/core/error-table.ts';
import { isMillraceError, type MillraceError } from '../../src/core/millrace-error.ts';
import { challengeOf } from '../../src/infra/access/challenge.ts';
import type { Logger } from '../../src/infra/logger.ts';
import { noteFailure, type SpanOf } from '../../src/infra/trace-requests.ts';
import type { Span } from '../../src/infra/tracing.ts';

const INTERNAL_STATUS = 500;

/** The request that failed, as messages and the log name it. */
export interface FailedRequest {
  readonly method: string;
  readonly url: string;
  readonly id: string;
  readonly span: Span | undefined;
}

export interface ErrorAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | number>>;
  readonly body: { readonly error: string; readonly code: ErrorCode | 'INTERNAL' };
}

/** Makes an answer `{ error, code }` of what was thrown; what nobody expected is logged, with the ids of the request, and told without its insides. */
export function answerError(error: unknown, request: FailedRequest, logger: Logger): ErrorAnswer {
  const { id: requestId, span } = request;
  const { status, code, message } = describe(error, request);
  noteFailure(span, error, status);
  if (code === 'INTERNAL') logger.error({ requestId, traceId: span?.traceId, err: error }, 'request failed');
  else logger.debug({ requestId, traceId: span?.traceId, code }, 'request refused');
  return { status, headers: isMillraceError(error) ? headersOf(error) : {}, body: { error: message, code } };
}

export type SendError = (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => FastifyReply;

export const createErrorSender =
  (logger: Logger, spanOf: SpanOf): SendError =>
  (error, request, reply) => {
    const { method, url, id } = request;
    const { status, headers, body } = answerError(error, { method, url, id, span: spanOf(request) }, logger);
    return reply.code(status).headers(headers).send(body);
  };

function describe(error: unknown, { method, url, id }: FailedRequest): { status: number; code: ErrorCode | 'INTERNAL'; message: string } {
  if (isMillraceError(error)) return { status: error.httpStatus, code: error.code, message: error.message };
  const { statusCode: status = INTERNAL_STATUS, message } = error as Partial<FastifyError>;
  const what = `${method} ${url}`;
  if (status < INTERNAL_STATUS) {
    const code: ErrorCode = status === errorTable.REQUEST_TOO_LARGE.httpStatus ? 'REQUEST_TOO_LARGE' : 'REQUEST_INVALID';
    return { status, code, message: `${what}: ${message}.` };
  }
  return { status: INTERNAL_STATUS, code: 'INTERNAL', message: `${what} failed unexpectedly. The log of the serving process has request '${id}'.` };
}

function headersOf(error: MillraceError): ErrorAnswer['headers'] {
  const { retryAfterSeconds } = error.details;
  return typeof retryAfterSeconds === 'number' ? { 'retry-after': retryAfterSeconds } : challengeOf(error);
}

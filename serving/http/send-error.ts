import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { errorTable, type ErrorCode } from '../../src/core/error-table.ts';
import { isMillraceError, type MillraceError } from '../../src/core/millrace-error.ts';
import type { Logger } from '../../src/infra/logger.ts';
import { noteFailure, type SpanOf } from '../../src/infra/trace-requests.ts';

const INTERNAL_STATUS = 500;
/** RFC 6750. */
const CHALLENGE = 'Bearer realm="millrace"';

export type SendError = (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => FastifyReply;

/** Answers `{ error, code }`; what nobody expected is logged, with the ids of the request, and told without its insides. */
export const createErrorSender =
  (logger: Logger, spanOf: SpanOf): SendError =>
  (error, request, reply) => {
    const span = spanOf(request);
    const of = { requestId: request.id, traceId: span?.traceId };
    const { status, code, message } = describe(error, request);
    noteFailure(span, error, status);
    if (code === 'INTERNAL') logger.error({ ...of, err: error }, 'request failed');
    else logger.debug({ ...of, code }, 'request refused');
    if (isMillraceError(error)) addHeaders(error, reply);
    return reply.code(status).send({ error: message, code });
  };

function describe(error: FastifyError, request: FastifyRequest): { status: number; code: ErrorCode | 'INTERNAL'; message: string } {
  if (isMillraceError(error)) return { status: error.httpStatus, code: error.code, message: error.message };
  const status = error.statusCode ?? INTERNAL_STATUS;
  const what = `${request.method} ${request.url}`;
  if (status < INTERNAL_STATUS) {
    const code: ErrorCode = status === errorTable.REQUEST_TOO_LARGE.httpStatus ? 'REQUEST_TOO_LARGE' : 'REQUEST_INVALID';
    return { status, code, message: `${what}: ${error.message}.` };
  }
  const message = `${what} failed unexpectedly. The log of the serving process has request '${request.id}'.`;
  return { status: INTERNAL_STATUS, code: 'INTERNAL', message };
}

function addHeaders({ code, details: { retryAfterSeconds, wasSent } }: MillraceError, reply: FastifyReply): void {
  if (typeof retryAfterSeconds === 'number') reply.header('retry-after', retryAfterSeconds);
  if (code === 'ACCESS_UNAUTHENTICATED') reply.header('www-authenticate', wasSent === true ? `${CHALLENGE}, error="invalid_token"` : CHALLENGE);
}

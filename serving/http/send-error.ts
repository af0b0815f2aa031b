import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { errorTable, type ErrorCode } from '../../src/core/error-table.ts';
import { isMillraceError } from '../../src/core/millrace-error.ts';

const INTERNAL_STATUS = 500;
/** RFC 6750. */
const CHALLENGE = 'Bearer realm="millrace"';

/** Answers `{ error, code }`; what nobody expected is logged and told without its insides. */
export function sendError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (isMillraceError(error)) {
    const { retryAfterSeconds, wasSent } = error.details;
    if (typeof retryAfterSeconds === 'number') reply.header('retry-after', retryAfterSeconds);
    if (error.code === 'ACCESS_UNAUTHENTICATED') reply.header('www-authenticate', wasSent === true ? `${CHALLENGE}, error="invalid_token"` : CHALLENGE);
    return reply.code(error.httpStatus).send({ error: error.message, code: error.code });
  }
  const status = error.statusCode ?? INTERNAL_STATUS;
  if (status < INTERNAL_STATUS) {
    const code: ErrorCode = status === errorTable.REQUEST_TOO_LARGE.httpStatus ? 'REQUEST_TOO_LARGE' : 'REQUEST_INVALID';
    return reply.code(status).send({ error: `${request.method} ${request.url}: ${error.message}.`, code });
  }
  request.log.error({ err: error }, 'request failed');
  const message = `${request.method} ${request.url} failed unexpectedly. The log of the serving process has request '${request.id}'.`;
  return reply.code(INTERNAL_STATUS).send({ error: message, code: 'INTERNAL' });
}

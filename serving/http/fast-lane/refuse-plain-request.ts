import { MillraceError } from '../../../src/core/millrace-error.ts';
import { requestIdOf } from '../../../src/infra/request-id.ts';
import type { DataPlane } from '../../data-plane.ts';
import type { LaneAnswer } from './print-answer.ts';
import type { RequestHead } from './request-head.ts';

const RETRY_AFTER_SECONDS = 1;

/** Gives a function that refuses a request of which nothing but the head was read, and counts it. There is no time then: all but the request's id is made before. */
export function createRefusal(dataPlane: Pick<DataPlane, 'refused'>, turnMs: number): (head: RequestHead) => LaneAnswer {
  const message =
    `The request was refused unread: this process read requests for ${turnMs} ms and has more before it than it can answer. ` +
    `Try again in ${RETRY_AFTER_SECONDS} s, or add serving processes.`;
  const error = new MillraceError('SERVING_OVERLOADED', message, { details: { retryAfterSeconds: RETRY_AFTER_SECONDS } });
  const body = Buffer.from(JSON.stringify({ error: message, code: error.code }));
  const told = { 'retry-after': RETRY_AFTER_SECONDS, 'content-type': 'application/json; charset=utf-8' };
  return ({ model, headers }) => {
    dataPlane.refused(model, error);
    return { requestId: requestIdOf(headers['x-request-id']), status: error.httpStatus, headers: told, body };
  };
}

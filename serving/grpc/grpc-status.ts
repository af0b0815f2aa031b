import { Metadata, status } from '@grpc/grpc-js';
import { ERROR_CODE_METADATA } from '../../src/contracts/feature-store.ts';
import { errorTable, type ErrorCode } from '../../src/core/error-table.ts';
import { isMillraceError, type MillraceError } from '../../src/core/millrace-error.ts';
import type { Logger } from '../../src/infra/logger.ts';
import { requestIdOf } from '../../src/infra/request-id.ts';
import type { RequestTrace } from '../request-trace.ts';

/** docs/serving.md has this table too. */
const statusOfHttp: Readonly<Record<number, status>> = {
  400: status.INVALID_ARGUMENT,
  401: status.UNAUTHENTICATED,
  403: status.PERMISSION_DENIED,
  404: status.NOT_FOUND,
  409: status.ABORTED,
  413: status.RESOURCE_EXHAUSTED,
  422: status.OUT_OF_RANGE,
  429: status.RESOURCE_EXHAUSTED,
  499: status.CANCELLED,
  500: status.INTERNAL,
  501: status.UNIMPLEMENTED,
  503: status.UNAVAILABLE,
  504: status.DEADLINE_EXCEEDED,
};

/** The status of gRPC for a code of the error table: it follows the HTTP status. */
export const grpcStatusOf = (code: ErrorCode): status => statusOfHttp[errorTable[code].httpStatus] ?? status.UNKNOWN;

export interface CallRefusal {
  readonly code: status;
  readonly details: string;
  readonly metadata: Metadata;
}

/** By which the log tells calls apart. */
export interface CallIds {
  readonly requestId?: string | undefined;
  readonly traceId?: string | undefined;
}

/** The caller's `x-request-id`, where it sent one, and the trace, where it is recorded. */
export function idsOf(metadata: Metadata, trace: RequestTrace | undefined): CallIds {
  const [given] = metadata.get('x-request-id');
  return { requestId: given === undefined ? undefined : requestIdOf(given), traceId: trace?.span.traceId };
}

/** What a failed call answers: status, message, and as metadata the code and when to try again. */
export function toServiceError(error: unknown, method: string, logger: Logger, ids: CallIds = {}): CallRefusal {
  if (isMillraceError(error)) {
    logger.debug({ ...ids, method, code: error.code }, 'request refused');
    return serviceErrorOf(error);
  }
  logger.error({ ...ids, err: error, method }, 'request failed');
  const details = `${method} failed unexpectedly. The log of the serving process has more.`;
  return { code: status.INTERNAL, details, metadata: new Metadata() };
}

/** What a call answers that failed as expected. */
export function serviceErrorOf(error: MillraceError): CallRefusal {
  const metadata = new Metadata();
  metadata.set(ERROR_CODE_METADATA, error.code);
  const { retryAfterSeconds } = error.details;
  if (typeof retryAfterSeconds === 'number') metadata.set('retry-after', String(retryAfterSeconds));
  return { code: grpcStatusOf(error.code), details: error.message, metadata };
}

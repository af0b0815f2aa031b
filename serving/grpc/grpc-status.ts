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

/** Bytes of `grpc-message` as it goes out: clients give a whole connection up over headers of some ten thousand. */
const DETAILS_BYTES_MAX = 4_096;
const ELLIPSIS = '...';

/** A message as a status may carry it: percent-encoding makes up to nine bytes of a character. */
export function detailsOf(message: string): string {
  // Half of a pair has no encoding, and what can't be encoded would end the process.
  const text = message.slice(0, DETAILS_BYTES_MAX).toWellFormed();
  if (message.length <= DETAILS_BYTES_MAX && encodeURI(text).length <= DETAILS_BYTES_MAX) return text;
  let cut = '';
  let bytes = ELLIPSIS.length;
  for (const character of text) {
    bytes += encodeURI(character).length;
    if (bytes > DETAILS_BYTES_MAX) break;
    cut += character;
  }
  return cut + ELLIPSIS;
}

/** What a call answers that failed as expected. */
export function serviceErrorOf(error: MillraceError): CallRefusal {
  const metadata = new Metadata();
  metadata.set(ERROR_CODE_METADATA, error.code);
  const { retryAfterSeconds } = error.details;
  if (typeof retryAfterSeconds === 'number') metadata.set('retry-after', String(retryAfterSeconds));
  return { code: grpcStatusOf(error.code), details: detailsOf(error.message), metadata };
}

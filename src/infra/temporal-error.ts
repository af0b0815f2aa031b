import {
  isGrpcServiceError,
  ServiceError,
  WorkflowFailedError,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { errorTable, type ErrorCode } from '../core/error-table.ts';
import { isMillraceError, messageOf, MillraceError } from '../core/millrace-error.ts';

/**
 * Translates what the Temporal client throws. A failed workflow becomes the failure that its activity or
 * itself named; a workflow that is not there becomes WORKFLOW_NOT_RUNNING.
 */
export function translateTemporalError(error: unknown, doing: string): Error {
  if (isMillraceError(error)) return error;
  if (error instanceof WorkflowNotFoundError) {
    return new MillraceError(
      'WORKFLOW_NOT_RUNNING',
      `No workflow '${error.workflowId}' runs, needed for ${doing}. Start Millrace with 'millrace start', which starts it, and check MILLRACE_NAMESPACE.`,
      { cause: error },
    );
  }
  if (error instanceof WorkflowFailedError) return failureOf(error, doing);
  if (error instanceof ServiceError || isGrpcServiceError(error)) {
    const cause = error instanceof ServiceError && error.cause !== undefined ? error.cause : error;
    return new MillraceError(
      'TEMPORAL_UNAVAILABLE',
      `Temporal did not answer while ${doing}: ${messageOf(cause)}. Check that it runs and that a worker runs for the workflow.`,
      { cause: error },
    );
  }
  return error instanceof Error ? error : new Error(String(error));
}

/** The innermost application failure says what went wrong; its type is a code of the error table. */
function failureOf(error: WorkflowFailedError, doing: string): Error {
  let innermost: ApplicationFailure | undefined;
  for (let cause: unknown = error.cause; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof ApplicationFailure) innermost = cause;
  }
  const code = innermost?.type;
  if (typeof code === 'string' && innermost !== undefined && Object.hasOwn(errorTable, code)) {
    return new MillraceError(code as ErrorCode, innermost.message, { cause: error });
  }
  const why = innermost ?? error.cause ?? error;
  return new MillraceError(
    'WORKFLOW_FAILED',
    `The workflow failed while ${doing}: ${messageOf(why)}. Its history in the Temporal UI says more.`,
    {
      cause: error,
    },
  );
}

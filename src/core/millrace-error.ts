import { errorTable, type ErrorCode } from './error-table.ts';

/** Told to whoever asked, and counted: where in the code they come from is known. */
const stackless: ReadonlySet<ErrorCode> = new Set(['SERVING_OVERLOADED', 'SERVING_DEADLINE_EXCEEDED', 'SERVING_CANCELLED']);

const v8Error = Error as ErrorConstructor & { stackTraceLimit: number };

/**
 * An expected failure. The message says what failed, on which thing, what was expected and found,
 * and what to do next. Across processes test `code`, never `instanceof`.
 */
export class MillraceError extends Error {
  override readonly name = 'MillraceError';
  readonly code: ErrorCode;
  /** Small, serialisable facts for logs and clients: never secrets, never payloads. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; details?: Readonly<Record<string, unknown>> } = {},
  ) {
    const isStackless = stackless.has(code);
    const { stackTraceLimit } = v8Error;
    // Refusals come by the thousand a second when there is no time left, and a stack takes ten times what all else of an error does.
    if (isStackless) v8Error.stackTraceLimit = 0;
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    if (isStackless) v8Error.stackTraceLimit = stackTraceLimit;
    this.code = code;
    this.details = options.details ?? {};
  }

  get retryable(): boolean {
    return errorTable[this.code].retryable;
  }

  get httpStatus(): number {
    return errorTable[this.code].httpStatus;
  }
}

export function isMillraceError(error: unknown): error is MillraceError {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    Object.hasOwn(errorTable, error.code)
  );
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

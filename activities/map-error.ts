import { ApplicationFailure } from '@temporalio/common';
import { InvariantViolation } from '../src/core/assert-invariant.ts';
import { isMillraceError } from '../src/core/millrace-error.ts';

/** Type of a failure that is a bug: never retried. */
export const INVARIANT_FAILURE = 'INVARIANT_BROKEN';

/** An error as other processes see it: its code is the type, and the table says whether a retry may help. */
export function mapError(error: unknown): unknown {
  if (isMillraceError(error)) {
    return ApplicationFailure.create({
      type: error.code,
      message: error.message,
      nonRetryable: !error.retryable,
      details: [error.details],
      cause: error,
    });
  }
  if (error instanceof InvariantViolation) {
    return ApplicationFailure.create({ type: INVARIANT_FAILURE, message: error.message, nonRetryable: true, cause: error });
  }
  return error;
}

type Activities<A> = { readonly [K in keyof A]: (...input: never[]) => Promise<unknown> };

/** The same activities, each throwing what `mapError` makes of its errors. */
export function mapErrors<A extends Activities<A>>(activities: A): A {
  const mapped = Object.entries<(...input: never[]) => Promise<unknown>>(activities).map(([name, run]) => [
    name,
    async (...input: never[]): Promise<unknown> => {
      try {
        return await run(...input);
      } catch (error) {
        throw mapError(error);
      }
    },
  ]);
  return Object.fromEntries(mapped) as A;
}

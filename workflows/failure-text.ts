import { ApplicationFailure, TemporalFailure } from '@temporalio/common';

/**
 * The outermost cause that has a type, else the innermost: wrappers of the SDK only say that something failed, and below what
 * an activity threw lies the error that it was made from, whose type does not travel.
 */
function rootOf(error: TemporalFailure): TemporalFailure {
  let root = error;
  while (!isTyped(root) && root.cause instanceof TemporalFailure) root = root.cause;
  return root;
}

const isTyped = (error: TemporalFailure): boolean => error instanceof ApplicationFailure && Boolean(error.type);

/** Code and text of a failed activity or child, for a person to read. */
export function failureText(error: TemporalFailure): string {
  const root = rootOf(error);
  const code = root instanceof ApplicationFailure && root.type ? `${root.type}: ` : '';
  return `${code}${root.message}`;
}

/** Whether a failed activity or child failed for this code. */
export function failedWith(error: unknown, code: string): boolean {
  if (!(error instanceof TemporalFailure)) return false;
  const root = rootOf(error);
  return root instanceof ApplicationFailure && root.type === code;
}

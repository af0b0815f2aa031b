import { ApplicationFailure, TemporalFailure } from '@temporalio/common';

/** The innermost cause: wrappers of the SDK only say that something failed. */
function rootOf(error: TemporalFailure): TemporalFailure {
  let root = error;
  while (root.cause instanceof TemporalFailure) root = root.cause;
  return root;
}

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

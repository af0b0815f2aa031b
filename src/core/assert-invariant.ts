export class InvariantViolation extends Error {
  override readonly name = 'InvariantViolation';
}

/** Stops on a bug. Expected failures are a MillraceError; this one is never retried or caught. */
export function assertInvariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantViolation(`Invariant broken: ${message}. This is a bug in Millrace.`);
}

import { errorTable, type ErrorCode } from '../src/core/error-table.ts';
import { isMillraceError } from '../src/core/millrace-error.ts';

/** What the exit code of `millrace` says to a script; docs/cli.md lists them. */
export const exitCodes = {
  ok: 0,
  failed: 1,
  /** Wrong arguments, settings or project: the same call fails again until they are changed. */
  usage: 2,
  /** A server or process did not answer: the same call may succeed later. */
  away: 3,
  notFound: 4,
  /** Everything works, and the answer is no: a conflict, a verdict other than promoted, a broken ledger. */
  refused: 5,
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

export function exitCodeOf(error: unknown): ExitCode {
  return isMillraceError(error) ? exitCodeOfKind(error.code) : exitCodes.failed;
}

function exitCodeOfKind(code: ErrorCode): ExitCode {
  if (code.startsWith('CONFIG_') || code.startsWith('PROJECT_')) return exitCodes.usage;
  switch (errorTable[code].httpStatus) {
    case 400:
      return exitCodes.usage;
    case 404:
      return exitCodes.notFound;
    case 409:
      return exitCodes.refused;
    case 429:
    case 503:
      return exitCodes.away;
    default:
      return exitCodes.failed;
  }
}

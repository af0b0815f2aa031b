import { InvariantViolation } from '../src/core/assert-invariant.ts';
import { isMillraceError, messageOf } from '../src/core/millrace-error.ts';
import type { TextSink } from './output.ts';

/** Code of an error that has none of its own: a bug, or something that nobody expected. */
const UNEXPECTED = 'UNEXPECTED';

/**
 * Prints `error: message (CODE)` on standard error; with `--json` also the document `{ error, code }` on
 * standard output, so that a script finds one document there whatever happened.
 */
export function reportError(
  error: unknown,
  sinks: { stdout: TextSink; stderr: TextSink },
  mode: { json: boolean; verbose: boolean },
): void {
  const code = isMillraceError(error) ? error.code : UNEXPECTED;
  const hint =
    isMillraceError(error) || error instanceof InvariantViolation || mode.verbose
      ? ''
      : ' Run it again with --verbose for where it came from.';
  const message = `${messageOf(error)}${hint}`;
  sinks.stderr.write(`error: ${message} (${code})\n`);
  if (mode.verbose) sinks.stderr.write(`${stackOf(error)}\n`);
  if (mode.json) sinks.stdout.write(`${JSON.stringify({ error: messageOf(error), code })}\n`);
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own = error.stack ?? error.message;
  return error.cause === undefined ? own : `${own}\ncaused by: ${stackOf(error.cause)}`;
}

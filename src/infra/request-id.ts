import { randomUUID } from 'node:crypto';

/** What logs, headers and pages take without quoting. */
const PATTERN = /^[\w.:/-]{1,128}$/;

/** The id of a request: the caller's `X-Request-Id`, where it is one, or a new one. */
export function requestIdOf(given: unknown): string {
  return typeof given === 'string' && PATTERN.test(given) ? given : randomUUID();
}

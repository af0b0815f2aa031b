import { randomUUID } from 'node:crypto';

/** A UUID of version 7: sorts by `now` (ms since the epoch), so that an index of ids grows at its end. */
export function createDecisionId(now: number): string {
  const time = now.toString(16).padStart(12, '0');
  // The random UUID gives the variant bits and all that comes after the version digit.
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}

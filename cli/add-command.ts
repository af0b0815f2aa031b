import { InvalidArgumentError, type Command } from 'commander';
import { VERSION_MAX } from '../src/contracts/check-request.ts';
import { parseDuration } from '../src/core/duration.ts';
import type { Act } from './command-context.ts';

/** Adds one command to the program; `act` runs its handler. */
export type AddCommand = (program: Command, act: Act) => void;

/** The examples at the end of a command's help. */
export const examples = (...lines: readonly string[]): string =>
  `\nExample${lines.length === 1 ? '' : 's'}:\n${lines.map((line) => `  $ ${line}`).join('\n')}`;

/** For `.argument` and `.option`: a version, or a count that is no greater than one can be. */
export function parsePositiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1 || value > VERSION_MAX)
    throw new InvalidArgumentError(`Expected a whole number from 1 to ${VERSION_MAX}.`);
  return value;
}

/** For `.option`: a moment as ISO 8601 text or milliseconds since the epoch; answers milliseconds. */
export function parseMoment(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : Date.parse(text);
  if (!Number.isFinite(value)) {
    throw new InvalidArgumentError(
      "Expected a time such as '2013-04-01T00:00:00Z', or milliseconds since the epoch.",
    );
  }
  return value;
}

/** For `.option`: a duration such as `30m`; answers milliseconds. */
export function parseWait(text: string): number {
  const value = parseDuration(text);
  if (value === undefined || value === 0)
    throw new InvalidArgumentError("Expected a duration such as '90s', '30m' or '2h'.");
  return value;
}

/** For `.option`: a duration from nothing on, such as `0s` or `7d`; answers milliseconds. */
export function parseKeep(text: string): number {
  const value = parseDuration(text);
  if (value === undefined) throw new InvalidArgumentError("Expected a duration such as '0s', '12h' or '7d'.");
  return value;
}

const COMMAND_TIMEOUT_MS_DEFAULT = 5 * 60_000;

/** For commands that a lifecycle does or refuses. */
export const withWait = (command: Command, timeoutMs = COMMAND_TIMEOUT_MS_DEFAULT): Command =>
  command
    .option('--wait', 'follow it until it is done, or refused: exit code 5')
    .option('--timeout <duration>', 'how long to follow it', parseWait, timeoutMs);

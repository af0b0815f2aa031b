import { formatDuration, parseDuration } from '../../core/duration.ts';
import { quoted } from './check-names.ts';
import type { ProblemList } from './problem-list.ts';

const DAY_MS = 86_400_000;
/** Longest duration that a definition may hold: ten years. */
export const DURATION_MAX_MS = 3_650 * DAY_MS;

/** Milliseconds of a duration within its range, or undefined after a problem was added. */
export function checkDuration(
  what: string,
  text: unknown,
  range: { readonly fromMs: number; readonly toMs: number },
  problems: ProblemList,
): number | undefined {
  const ms = typeof text === 'string' ? parseDuration(text) : undefined;
  if (ms === undefined) {
    problems.add(
      `expected ${what} as a duration such as '30s', '5m', '24h' or '90d', found ${quoted(text)}. Correct it.`,
    );
    return undefined;
  }
  if (ms < range.fromMs || ms > range.toMs) {
    problems.add(
      `expected ${what} from '${formatDuration(range.fromMs)}' to '${formatDuration(range.toMs)}', found ${quoted(text)}. Set it within.`,
    );
    return undefined;
  }
  return ms;
}

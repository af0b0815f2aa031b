import { parseDuration } from '../core/duration.ts';
import type { Aggregation } from './aggregation.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** Tiles that a window has where the hop is not given: a tail that moves by under 2 % of the window. */
export const TILES_TARGET = 60;
/** More tiles than this in one window would make its state and its reads too large. */
export const TILES_MAX = 4_096;
export const WINDOW_MIN_MS = MINUTE_MS;
export const WINDOW_MAX_MS = 90 * 24 * HOUR_MS;

/** Hops that the ladder chooses from, in milliseconds: 1s to 1d. */
export const hopSteps: readonly number[] = [
  ...[1, 2, 3, 5, 10, 15, 20, 30].map((seconds) => seconds * SECOND_MS),
  ...[1, 2, 3, 5, 10, 15, 20, 30].map((minutes) => minutes * MINUTE_MS),
  ...[1, 2, 3, 6, 12, 24].map((hours) => hours * HOUR_MS),
];

/**
 * Hop of a window that gives none: of the steps that divide the window, the one whose number of tiles
 * is, as a ratio, nearest to sixty; of two equally near, the finer. Undefined where no step divides it.
 */
export function hopLadder(windowMs: number): number | undefined {
  let best: number | undefined;
  let bestRatio = Infinity;
  for (const step of hopSteps) {
    if (windowMs % step !== 0) continue;
    const tiles = windowMs / step;
    const ratio = Math.max(tiles / TILES_TARGET, TILES_TARGET / tiles);
    if (ratio < bestRatio) {
      best = step;
      bestRatio = ratio;
    }
  }
  return best;
}

/** Length of a lifetime window, ms: all times that a date can have lie within it. Its hop is infinite, so it has one tile. */
export const LIFETIME_MS = 2 * 8.64e15;

/** Window and hop of an aggregation in milliseconds; undefined where a text is no duration or no hop fits. */
export function windowAndHop(aggregation: Aggregation): { windowMs: number; hopMs: number } | undefined {
  if (aggregation.window === 'lifetime') return { windowMs: LIFETIME_MS, hopMs: Infinity };
  const windowMs = parseDuration(aggregation.window);
  if (windowMs === undefined) return undefined;
  const hopMs = aggregation.hop === undefined ? hopLadder(windowMs) : parseDuration(aggregation.hop);
  return hopMs === undefined ? undefined : { windowMs, hopMs };
}

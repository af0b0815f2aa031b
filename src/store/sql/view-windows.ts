import { assertInvariant } from '../../core/assert-invariant.ts';
import { formatDuration } from '../../core/duration.ts';
import type { Aggregation } from '../../define/aggregation.ts';
import type { FeatureView } from '../../define/feature-view.ts';
import { LIFETIME_MS, windowAndHop } from '../../define/hop-ladder.ts';
import { sqlFeaturesOf } from './sql-aggregate-of.ts';

/** A window as two columns of a spine row: from the start of tile(T - W), inclusive, to the end of tile(T). */
export interface SqlWindow {
  readonly windowMs: number;
  /** Infinity for a lifetime, all of whose events are in one tile. */
  readonly hopMs: number;
  /** Names of the columns. They hold a space, which no field's name can. */
  readonly from: string;
  readonly to: string;
}

export function sqlWindow(aggregation: Aggregation): SqlWindow {
  const found = windowAndHop(aggregation);
  assertInvariant(found !== undefined, `window '${aggregation.window}' passed the project's checks`);
  if (found.hopMs === Infinity) return { ...found, from: 'from of a lifetime', to: 'to of a lifetime' };
  const hop = formatDuration(found.hopMs);
  return { ...found, from: `from ${formatDuration(found.windowMs)} by ${hop}`, to: `to by ${hop}` };
}

/** The distinct windows of a view, shortest first. */
export function windowsOfView(view: FeatureView): SqlWindow[] {
  const windows = sqlFeaturesOf(view).flatMap(({ parts }) => parts.map(({ aggregation }) => sqlWindow(aggregation)));
  return [...new Map(windows.map((window) => [window.from, window])).values()].sort(
    (a, b) => a.windowMs - b.windowMs || a.hopMs - b.hopMs,
  );
}

/** All times that a date can have lie within half a lifetime of the epoch. */
const LIFETIME_END_MS = LIFETIME_MS / 2;

/** Where a window of a spine row begins and ends. */
export const windowStart = (asOfMs: string, { windowMs, hopMs }: SqlWindow): string =>
  hopMs === Infinity ? `${-LIFETIME_END_MS}::bigint` : `millrace.tile_start(${asOfMs} - ${windowMs}, ${hopMs})`;

export const windowEnd = (asOfMs: string, { hopMs }: SqlWindow): string =>
  hopMs === Infinity ? `${LIFETIME_END_MS + 1}::bigint` : `millrace.tile_start(${asOfMs}, ${hopMs}) + ${hopMs}`;

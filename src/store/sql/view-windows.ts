import { assertInvariant } from '../../core/assert-invariant.ts';
import { formatDuration } from '../../core/duration.ts';
import type { Aggregation } from '../../define/aggregation.ts';
import type { FeatureView } from '../../define/feature-view.ts';
import { sqlFeaturesOf } from './sql-aggregate-of.ts';
import { windowAndHop } from '../../define/hop-ladder.ts';

/** A window as two columns of a spine row: from the start of tile(T - W), inclusive, to the end of tile(T). */
export interface SqlWindow {
  readonly windowMs: number;
  readonly hopMs: number;
  /** Names of the columns. They hold a space, which no field's name can. */
  readonly from: string;
  readonly to: string;
}

export function sqlWindow(aggregation: Aggregation): SqlWindow {
  const found = windowAndHop(aggregation);
  assertInvariant(found !== undefined, `window '${aggregation.window}' passed the project's checks`);
  const hop = formatDuration(found.hopMs);
  return { ...found, from: `from ${formatDuration(found.windowMs)} by ${hop}`, to: `to by ${hop}` };
}

/** The distinct windows of a view, shortest first. */
export function windowsOfView(view: FeatureView): SqlWindow[] {
  const windows = sqlFeaturesOf(view).map(({ aggregation }) => sqlWindow(aggregation));
  return [...new Map(windows.map((window) => [window.from, window])).values()].sort(
    (a, b) => a.windowMs - b.windowMs || a.hopMs - b.hopMs,
  );
}

/** Stretches that the longest window is cut into: a join by them meets few events that no window holds. */
const STRETCHES = 8;

export const stretchMs = (view: FeatureView): number =>
  Math.ceil(Math.max(...windowsOfView(view).map(({ windowMs }) => windowMs)) / STRETCHES);

import { parseDuration } from '../core/duration.ts';
import type { FeatureView, OnStale } from '../define/feature-view.ts';

/** How old a state of a view may be, ms; Infinity where any age is. */
export interface FreshnessRule {
  readonly maxAgeMs: number;
  readonly onStale: OnStale;
  readonly ttlMs: number;
}

/** Null for a view without a contract: its reads then look at no age. */
export function freshnessRuleOf(view: FeatureView): FreshnessRule | null {
  if (view.maxAge === undefined && view.ttl === undefined) return null;
  return {
    maxAgeMs: durationMsOr(view.maxAge, Infinity),
    onStale: view.onStale ?? 'serve',
    ttlMs: durationMsOr(view.ttl, Infinity),
  };
}

const durationMsOr = (text: string | undefined, absent: number): number =>
  text === undefined ? absent : (parseDuration(text) ?? absent);

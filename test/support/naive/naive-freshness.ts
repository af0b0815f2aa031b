import type { FeatureView } from '../../../src/define/feature-view.ts';
import { naiveFeatures, type NaiveEvent, type NaiveFeatures } from '../naive-features.ts';
import { durationMs } from './naive-window.ts';

/**
 * The features of a key under its view's contract on ages, docs/features.md: age = T minus the newest known time,
 * never negative; without events there is no bound on it. A key whose newest event is older than the ttl has no
 * events; one that is older than maxAge is stale, and null where the view says so.
 */
export function naiveFreshFeatures(
  view: FeatureView,
  events: readonly NaiveEvent[],
  asOf: number,
): { readonly features: NaiveFeatures; readonly stale: boolean; readonly ageMs: number | null } {
  const newest = events.reduce((latest, event) => Math.max(latest, event.knownTime), -Infinity);
  const rawAge = Math.max(0, asOf - newest);
  const isThere = rawAge <= (view.ttl === undefined ? Number.MAX_VALUE : durationMs(view.ttl));
  const stale = view.maxAge !== undefined && !(isThere && rawAge <= durationMs(view.maxAge));
  const features = naiveFeatures(view, isThere ? events : [], asOf);
  return {
    stale,
    ageMs: isThere ? rawAge : null,
    features:
      stale && view.onStale === 'null'
        ? Object.fromEntries(Object.keys(features).map((name) => [name, null]))
        : features,
  };
}

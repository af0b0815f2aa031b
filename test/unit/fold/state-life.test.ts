import { expect, test } from 'vitest';
import type { FeatureView } from '../../../src/define/feature-view.ts';
import { compileView } from '../../../src/fold/compile-view.ts';
import { stateLifeMs } from '../../../src/fold/state-life.ts';
import { originDepartures } from '../../support/serving/tiny-project.ts';

const MINUTE_MS = 60_000;
const lifeMinutes = (change: Partial<FeatureView>): number | null => {
  const ms = stateLifeMs(compileView({ ...originDepartures, ...change }));
  return ms === null ? null : ms / MINUTE_MS;
};

test('a state lives for the longest window and hop, or the age that its view allows, and the grace', () => {
  // A window of an hour has hops of a minute; the grace is an hour.
  expect(lifeMinutes({})).toBe(60 + 1 + 60);
  expect(lifeMinutes({ ttl: '30m' })).toBe(60 + 1 + 60);
  expect(lifeMinutes({ ttl: '1d' })).toBe(24 * 60 + 60);
  expect(lifeMinutes({ maxAge: '3h' })).toBe(3 * 60 + 60);
});

test('a state whose known times a replay carries lives for ever: the wall clock says nothing about its age', () => {
  expect(lifeMinutes({ source: { ...originDepartures.source, knownTime: 'carried' } })).toBeNull();
});

test('a state of a view with a lifetime lives for ever: its one tile is in every window', () => {
  const lifetime = { kind: 'count', field: null, window: 'lifetime' } as const;
  expect(lifeMinutes({ features: { ...originDepartures.features, ever: lifetime } })).toBeNull();
});

import type { FeatureView } from '../../../src/define/feature-view.ts';
import type { LoggedEvent } from '../../../src/store/offline-log.ts';
import { float32Of } from '../naive/float32.ts';
import { naiveFreshFeatures } from '../naive/naive-freshness.ts';
import { contractProject } from '../serving/contract-project.ts';

export const MINUTE_MS = 60_000;
export const START = Date.UTC(2024, 2, 1);
const ORIGINS = ['EWR', 'JFK', 'L"GA'];
const CARRIERS = ['AA', 'UA'];
export const project = contractProject({ maxAge: '40m', onStale: 'refuse', ttl: '50m' }, true);

/** A departure every 4 minutes; every seventh is heard of three quarters of an hour late. */
export const events: LoggedEvent[] = Array.from({ length: 300 }, (_, i) => {
  const at = START + i * 4 * MINUTE_MS;
  const origin = ORIGINS[i % 3]!;
  const carrier = CARRIERS[Math.floor(i / 20) % 2]!;
  const row = { flightId: `f${i}`, origin, carrier, at, delayMinutes: (i % 11) - 2.5 };
  return {
    sourcePartition: 0,
    sourceOffset: i,
    eventTime: at,
    effectiveTime: at,
    knownTime: at + (i % 7 === 0 ? 45 * MINUTE_MS : 0),
    row,
  };
});
/** Moments all over the history, not in order. */
export const spine = Array.from({ length: 120 }, (_, i) => ({
  id: `r${i}`,
  origin: i % 10 === 9 ? null : i % 10 === 8 ? 'never seen' : ORIGINS[i % 3]!,
  carrier: CARRIERS[i % 2]!,
  distance: i / 4,
  asOf: START + ((i * 37) % 120) * 11 * MINUTE_MS,
}));

/** By the oracle; a stale row of a view that refuses is null. */
function expectedOf(
  view: FeatureView,
  key: string,
  value: string | null,
  asOf: number,
  mode: 'known' | 'happened',
) {
  const seen = events
    .filter(
      ({ row, knownTime, effectiveTime }) =>
        row[key] === value && (mode === 'known' ? knownTime : effectiveTime) <= asOf,
    )
    .map((event) => (mode === 'known' ? event : { ...event, knownTime: event.effectiveTime }));
  const { features, stale } = naiveFreshFeatures(view, seen, asOf);
  const isRefused = stale && view.onStale === 'refuse';
  return Object.fromEntries(
    Object.entries(features).map(([name, found]) => [
      `${view.name}.${name}`,
      isRefused || found === null ? null : float32Of(found),
    ]),
  );
}
export const expectedRow = (
  { origin, carrier, asOf }: (typeof spine)[number],
  mode: 'known' | 'happened',
) => {
  const [origins, carriers] = project.views as [FeatureView, FeatureView];
  return {
    ...expectedOf(origins, 'origin', origin, asOf, mode),
    ...expectedOf(carriers, 'carrier', carrier, asOf, mode),
  };
};

/** The features of a row that a file has, whose numbers may be text. */
export const featuresOf = (record: Readonly<Record<string, unknown>>): Record<string, number | null> =>
  Object.fromEntries(
    Object.entries(record).flatMap(([name, value]) =>
      name.includes('.') ? [[name, value === null ? null : float32Of(Number(value))]] : [],
    ),
  );

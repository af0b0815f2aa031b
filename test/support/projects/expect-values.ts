import { expect } from 'vitest';
import type { ViewFeature } from '../../../src/define/aggregation.ts';
import type { FeatureView } from '../../../src/define/feature-view.ts';
import type { LoggedEvent } from '../../../src/store/offline-log.ts';
import { naiveEntityKey, naiveFeatures, type NaiveFeatures } from '../naive-features.ts';
import { float32Of } from '../naive/float32.ts';

/** Of approxQuantile, by docs/features.md, and what rounding to float32 adds. */
const QUANTILE_ERROR = 0.010_001;
/** An approxDistinct is exact up to so many, then has this standard error; more than five of them is no chance. */
const DISTINCT_EXACT_MAX = 64;
const DISTINCT_ERROR = 5 * 0.023;

const isEstimate = (feature: ViewFeature): boolean =>
  feature.kind === 'approxDistinct' || feature.kind === 'approxQuantile';

/** The view's features of a key by the oracle, from the events that a read sees. */
export function featuresNaively(
  view: FeatureView,
  log: readonly LoggedEvent[],
  { key, asOf }: { readonly key: readonly string[]; readonly asOf: number },
  sees: (event: LoggedEvent) => boolean,
): NaiveFeatures {
  const fields = view.entity.keys.map((name) => view.keyFields[name] ?? name);
  const entityKey = naiveEntityKey(
    view.entity.keys,
    Object.fromEntries(view.entity.keys.map((name, i) => [name, key[i]])),
  );
  return naiveFeatures(
    view,
    rowsLeft(view, log.filter(sees)).filter(({ row }) => naiveEntityKey(fields, row) === entityKey),
    asOf,
  );
}

/** Events as they are; of rows that change, what the last change of each left. */
function rowsLeft({ source }: FeatureView, log: readonly LoggedEvent[]): LoggedEvent[] {
  if (source.changes !== true) return [...log];
  const rows = new Map<unknown, LoggedEvent>();
  for (const event of log) {
    const { id, change_sign: sign } = event.row;
    if (sign === 1) rows.set(id, event);
    else rows.delete(id);
  }
  return [...rows.values()];
}

/** Bit for bit in float32, sketches within their stated error. */
export function expectFolded(
  view: FeatureView,
  found: ArrayLike<number>,
  exact: NaiveFeatures,
  what: () => string,
): void {
  Object.entries<ViewFeature>(view.features).forEach(([name, feature], i) => {
    const [value, wanted] = [float32Of(found[i]), float32Of(exact[name])];
    if (isEstimate(feature) && isWithinError(feature, value, wanted)) return;
    if (!Object.is(value, wanted))
      expect(value, `${what()}, ${name} ${JSON.stringify(feature)}`).toBe(wanted);
  });
}

/** Bit for bit in float32, all of it. */
export function expectExact(
  view: FeatureView,
  found: ArrayLike<number>,
  exact: NaiveFeatures,
  what: () => string,
): void {
  Object.entries<ViewFeature>(view.features).forEach(([name, feature], i) => {
    const [value, wanted] = [float32Of(found[i]), float32Of(exact[name])];
    if (!Object.is(value, wanted))
      expect(value, `${what()}, ${name} ${JSON.stringify(feature)}`).toBe(wanted);
  });
}

/** Two orders of arrival: the same float32, and of sketches the same double. */
export function expectSame(
  view: FeatureView,
  one: ArrayLike<number>,
  other: ArrayLike<number>,
  what: () => string,
): void {
  Object.entries<ViewFeature>(view.features).forEach(([name, feature], i) => {
    const cast = isEstimate(feature) ? (value: unknown) => value : float32Of;
    if (!Object.is(cast(one[i]), cast(other[i])))
      expect(cast(one[i]), `${what()}, ${name} ${JSON.stringify(feature)}`).toBe(cast(other[i]));
  });
}

function isWithinError({ kind }: ViewFeature, value: number, exact: number): boolean {
  if (kind === 'approxQuantile') return Math.abs(value - exact) <= QUANTILE_ERROR * Math.abs(exact);
  return exact > DISTINCT_EXACT_MAX && Math.abs(value - exact) <= DISTINCT_ERROR * exact;
}

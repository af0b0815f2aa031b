import type { ViewFeature } from '../define/aggregation.ts';
import type { FeatureView } from '../define/feature-view.ts';
import type { ServiceProgram } from '../fold/compile-service.ts';
import type { Queryable } from '../infra/postgres.ts';
import { hasExactSqlForm } from '../store/sql/sql-aggregate-of.ts';
import { readTwins, type TwinRow } from '../store/sql/view-twin.ts';
import type { Visibility } from '../store/sql/visible-events.ts';
import { replayRows } from './skew-audit-replay.ts';

/**
 * The features of each row in several ways, from the raw rows of the log: by SQL, which shares no arithmetic with the
 * fold, where it gives the very value; otherwise, which is for sketches, by a fold of its own over those rows.
 * Row-major in the order of the view, NaN is null.
 */
export async function witnessRows(
  db: Queryable,
  view: FeatureView,
  rows: readonly TwinRow[],
  visibilities: readonly Visibility[],
): Promise<Float64Array[]> {
  const names = Object.keys(view.features);
  const replayed = replayedNames(view);
  if (replayed.length === 0) return readTwins(db, view, rows, visibilities);
  const computed = names.filter((name) => !replayed.includes(name));
  const bySql =
    computed.length === 0 ? null : await readTwins(db, onlyFeatures(view, computed), rows, visibilities);
  const byFold = await replayRows(db, onlyFeatures(view, replayed), rows, visibilities);
  return visibilities.map((_, v) => {
    const out = new Float64Array(rows.length * names.length);
    const fill = (values: Float64Array | undefined, own: readonly string[]): void =>
      own.forEach((name, f) => {
        const to = names.indexOf(name);
        for (let row = 0; row < rows.length; row++)
          out[row * names.length + to] = values?.[row * own.length + f] ?? NaN;
      });
    fill(bySql?.[v], computed);
    fill(byFold[v], replayed);
    return out;
  });
}

/** Features of a service that no SQL recomputes, `<view>.<feature>`, those of on-demand features included. */
export const replayedFeatures = (program: ServiceProgram): string[] =>
  program.views.flatMap(({ view }) => replayedNames(view).map((name) => `${view.name}.${name}`)).sort();

const replayedNames = (view: FeatureView): string[] =>
  Object.entries<ViewFeature>(view.features)
    .filter(([, feature]) => !hasExactSqlForm(feature))
    .map(([name]) => name);

const onlyFeatures = (view: FeatureView, names: readonly string[]): FeatureView => ({
  ...view,
  features: Object.fromEntries(names.map((name) => [name, view.features[name] as ViewFeature])),
});

import { MillraceError } from '../../core/millrace-error.ts';
import type { Aggregation, AggregationKind, ViewFeature } from '../../define/aggregation.ts';
import type { FeatureView } from '../../define/feature-view.ts';
import { count } from './aggregates/count.ts';
import { last } from './aggregates/last.ts';
import { max } from './aggregates/max.ts';
import { mean } from './aggregates/mean.ts';
import { min } from './aggregates/min.ts';
import { stddev } from './aggregates/stddev.ts';
import { sum } from './aggregates/sum.ts';
import { timeSinceLast } from './aggregates/time-since-last.ts';
import type { SqlAggregate } from './sql-aggregate.ts';

/** One SQL form per kind of aggregation: the one place where a new kind is added. */
export const sqlAggregates: Partial<Readonly<Record<AggregationKind, SqlAggregate>>> = {
  count,
  sum,
  mean,
  min,
  max,
  stddev,
  last,
  timeSinceLast,
};

/** Whether a feature can be computed in SQL: an aggregation of a kind that has a form, over a window that ends. */
export const hasSqlForm = (feature: ViewFeature): feature is Aggregation =>
  !('parts' in feature) && feature.kind in sqlAggregates && feature.window !== 'lifetime';

/**
 * The features of a view with their SQL forms, in the view's order.
 * @throws MillraceError FEATURE_SQL_UNSUPPORTED
 */
export function sqlFeaturesOf(
  view: FeatureView,
): { readonly name: string; readonly aggregation: Aggregation; readonly form: SqlAggregate }[] {
  return Object.entries<ViewFeature>(view.features).map(([name, feature]) => {
    const form = hasSqlForm(feature) ? sqlAggregates[feature.kind] : undefined;
    if (form === undefined) throw unsupported(view, name, feature);
    return { name, aggregation: feature as Aggregation, form };
  });
}

function unsupported(view: FeatureView, feature: string, found: ViewFeature): MillraceError {
  const what = 'window' in found && found.window === 'lifetime' ? `'${found.kind}' over a lifetime` : `'${found.kind}'`;
  return new MillraceError(
    'FEATURE_SQL_UNSUPPORTED',
    `Feature view '${view.name}', feature '${feature}': ${what} has no SQL form. Those that have one, over windows that end: ${Object.keys(sqlAggregates).join(', ')}. Audit models without it, or add it to src/store/sql/aggregates.`,
    { details: { view: view.name, feature, kind: found.kind } },
  );
}

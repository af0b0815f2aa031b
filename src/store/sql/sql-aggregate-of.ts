import { MillraceError } from '../../core/millrace-error.ts';
import { aggregationsOf, type Aggregation, type AggregationKind, type ViewFeature } from '../../define/aggregation.ts';
import type { FeatureView } from '../../define/feature-view.ts';
import { approxDistinct } from './aggregates/approx-distinct.ts';
import { approxQuantile } from './aggregates/approx-quantile.ts';
import { count } from './aggregates/count.ts';
import { decayedCount, decayedMean, decayedSum } from './aggregates/decayed.ts';
import { first } from './aggregates/first.ts';
import { lastN } from './aggregates/last-n.ts';
import { last } from './aggregates/last.ts';
import { max } from './aggregates/max.ts';
import { mean } from './aggregates/mean.ts';
import { min } from './aggregates/min.ts';
import { skewness, stddev, variance } from './aggregates/moments.ts';
import { sum } from './aggregates/sum.ts';
import { timeSinceLast } from './aggregates/time-since-last.ts';
import type { SqlAggregate } from './sql-aggregate.ts';

/** One SQL form per kind of aggregation: the one place where a new kind is added. */
const sqlAggregates: Partial<Readonly<Record<AggregationKind, SqlAggregate>>> = {
  count,
  sum,
  mean,
  min,
  max,
  variance,
  stddev,
  skewness,
  first,
  last,
  lastN,
  decayedCount,
  decayedSum,
  decayedMean,
  timeSinceLast,
  approxDistinct,
  approxQuantile,
};

/** Whether SQL gives the very value that the fold gives: all that a feature is made of has a form that the fold does not estimate. */
export const hasExactSqlForm = (feature: ViewFeature): boolean =>
  aggregationsOf(feature).every(({ kind }) => sqlAggregates[kind]?.estimates === false);

/** An aggregation that is a feature, or one of the two that a combination is made of. */
export interface SqlFeaturePart {
  readonly aggregation: Aggregation;
  readonly form: SqlAggregate;
}

export interface SqlFeature {
  readonly name: string;
  readonly feature: ViewFeature;
  /** Two of a combination, otherwise one. */
  readonly parts: readonly SqlFeaturePart[];
}

/**
 * The features of a view with their SQL forms, in the view's order.
 * @throws MillraceError FEATURE_SQL_UNSUPPORTED
 */
export function sqlFeaturesOf(view: FeatureView): SqlFeature[] {
  return Object.entries<ViewFeature>(view.features).map(([name, feature]) => ({
    name,
    feature,
    parts: aggregationsOf(feature).map((aggregation) => {
      const form = sqlAggregates[aggregation.kind];
      if (form === undefined) throw unsupported(view, name, aggregation);
      return { aggregation, form };
    }),
  }));
}

function unsupported(view: FeatureView, feature: string, { kind }: Aggregation): MillraceError {
  return new MillraceError(
    'FEATURE_SQL_UNSUPPORTED',
    `Feature view '${view.name}', feature '${feature}': '${kind}' has no SQL form. Those that have one: ${Object.keys(sqlAggregates).join(', ')}. Ask for a view without it, or add it to src/store/sql/aggregates.`,
    { details: { view: view.name, feature, kind } },
  );
}

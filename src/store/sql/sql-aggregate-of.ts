import { MillraceError } from '../../core/millrace-error.ts';
import { aggregationsOf, type Aggregation, type ViewFeature } from '../../define/aggregation.ts';
import type { FeatureView } from '../../define/feature-view.ts';
import type { SqlAggregate } from './sql-aggregate.ts';
import { postgresDialect, type SqlDialect } from './sql-dialect.ts';
import { sqlAggregates } from './sql-forms.ts';

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
export function sqlFeaturesOf(view: FeatureView, dialect: SqlDialect = postgresDialect): SqlFeature[] {
  return Object.entries<ViewFeature>(view.features).map(([name, feature]) => ({
    name,
    feature,
    parts: aggregationsOf(feature).map((aggregation) => {
      const form = view.source.changes === true && !dialect.hasChanges ? undefined : dialect.forms[aggregation.kind];
      if (form === undefined) throw unsupported(view, name, aggregation, dialect);
      return { aggregation, form };
    }),
  }));
}

function unsupported(view: FeatureView, feature: string, { kind }: Aggregation, dialect: SqlDialect): MillraceError {
  return new MillraceError(
    'FEATURE_SQL_UNSUPPORTED',
    `Feature view '${view.name}', feature '${feature}': '${kind}' has no SQL form for ${dialect.name}${view.source.changes === true ? ' over rows that change' : ''}. Those that have one: ${Object.keys(dialect.forms).join(', ')}. Ask for a view without it, or add it to src/store/sql/aggregates.`,
    { details: { view: view.name, feature, kind } },
  );
}

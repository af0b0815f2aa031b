import { MillraceError } from '../../core/millrace-error.ts';
import type { Aggregation, AggregationKind } from '../../define/aggregation.ts';
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

/** @throws MillraceError FEATURE_SQL_UNSUPPORTED */
export function sqlAggregateOf(view: FeatureView, feature: string, { kind }: Aggregation): SqlAggregate {
  const found = sqlAggregates[kind];
  if (found !== undefined) return found;
  throw new MillraceError(
    'FEATURE_SQL_UNSUPPORTED',
    `Feature view '${view.name}', feature '${feature}': aggregation '${kind}' has no SQL form. Those that have one: ${Object.keys(sqlAggregates).join(', ')}. Audit models without it, or add it to src/store/sql/aggregates.`,
    { details: { view: view.name, feature, kind } },
  );
}

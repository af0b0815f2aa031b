import type { AggregationKind } from '../../define/aggregation.ts';
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
import { topK } from './aggregates/top-k.ts';
import type { SqlAggregate } from './sql-aggregate.ts';

/** One SQL form per kind of aggregation: the one place where a new kind is added. */
export const sqlAggregates: Partial<Readonly<Record<AggregationKind, SqlAggregate>>> = {
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
  topK,
};

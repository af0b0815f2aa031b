import type { AggregationKind } from '../../define/aggregation.ts';
import type { AggregationAlgebra } from './aggregation-algebra.ts';
import { count } from './count.ts';
import { first } from './first.ts';
import { last } from './last.ts';
import { max } from './max.ts';
import { mean } from './mean.ts';
import { min } from './min.ts';
import { skewness } from './skewness.ts';
import { stddev } from './stddev.ts';
import { sum } from './sum.ts';
import { timeSinceLast } from './time-since-last.ts';
import { variance } from './variance.ts';

/** One algebra per kind of aggregation: the one place where a new kind is added. */
export const algebraOf: Readonly<Record<AggregationKind, AggregationAlgebra>> = {
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
  timeSinceLast,
};

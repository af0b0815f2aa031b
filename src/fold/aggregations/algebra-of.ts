import { assertInvariant } from '../../core/assert-invariant.ts';
import { parseDuration, type Duration } from '../../core/duration.ts';
import type { Aggregation, AggregationKind } from '../../define/aggregation.ts';
import type { AggregationAlgebra, SketchAlgebra } from './aggregation-algebra.ts';
import { approxDistinct } from './approx-distinct.ts';
import { approxQuantile } from './approx-quantile.ts';
import { count } from './count.ts';
import { decayedCount, decayedMean, decayedSum } from './decayed.ts';
import { first } from './first.ts';
import { last } from './last.ts';
import { lastN } from './last-n.ts';
import { max } from './max.ts';
import { mean } from './mean.ts';
import { min } from './min.ts';
import { skewness } from './skewness.ts';
import { stddev } from './stddev.ts';
import { sum } from './sum.ts';
import { timeSinceLast } from './time-since-last.ts';
import { topK } from './top-k.ts';
import { variance } from './variance.ts';

type Algebra = AggregationAlgebra | SketchAlgebra;

/** One algebra per kind of aggregation: the one place where a new kind is added. */
const algebras: Readonly<Record<AggregationKind, Algebra | ((aggregation: Aggregation) => Algebra)>> = {
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
  lastN: ({ n, rank }) => lastN(given(n), given(rank)),
  decayedCount: ({ halfLife }) => decayedCount(millisecondsOf(halfLife)),
  decayedSum: ({ halfLife }) => decayedSum(millisecondsOf(halfLife)),
  decayedMean: ({ halfLife }) => decayedMean(millisecondsOf(halfLife)),
  timeSinceLast,
  approxDistinct,
  approxQuantile: ({ q }) => approxQuantile(given(q)),
  topK: ({ rank }) => topK(given(rank)),
};

/** The algebra of an aggregation that `validateProject` found no problem with. */
export function algebraOf(aggregation: Aggregation): Algebra {
  const algebra = algebras[aggregation.kind];
  return typeof algebra === 'function' ? algebra(aggregation) : algebra;
}

const millisecondsOf = (duration: Duration | undefined): number => given(parseDuration(given(duration)));

function given<T>(option: T | undefined): T {
  assertInvariant(option !== undefined, 'an aggregation has the options of its kind');
  return option;
}

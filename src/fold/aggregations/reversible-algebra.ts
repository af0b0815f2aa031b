import { assertInvariant } from '../../core/assert-invariant.ts';
import { exactCubeSum, exactSquareSum, exactValueSum } from '../intermediates/exact-sum.ts';
import type { Intermediate } from '../intermediates/intermediate.ts';
import type { AggregationAlgebra, SketchAlgebra } from './aggregation-algebra.ts';

/** What stands in place of sums whose rounding can't be taken back. */
const exactSums: Readonly<Record<string, Intermediate>> = {
  valueSum: exactValueSum,
  squareSum: exactSquareSum,
  cubeSum: exactCubeSum,
};

/** The algebra of a kind that can take events back, over a source whose rows change: its null rule and its value are the same. */
export function reversibleAlgebra(algebra: AggregationAlgebra | SketchAlgebra): AggregationAlgebra | SketchAlgebra {
  if ('sketch' in algebra) {
    assertInvariant(algebra.reversible !== undefined, `sketch '${algebra.sketch.name}' was checked to be reversible`);
    return algebra.reversible;
  }
  return {
    ...algebra,
    intermediates: algebra.intermediates.map((intermediate) => exactSums[intermediate.name] ?? intermediate),
  };
}

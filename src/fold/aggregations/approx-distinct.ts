import { distinctSketch, type DistinctSketch } from '../sketches/distinct-sketch.ts';
import type { SketchAlgebra } from './aggregation-algebra.ts';

/**
 * How many different values that are not null: exact up to 64, beyond that with a standard error of 2.3 %;
 * 0 where there is none.
 */
export const approxDistinct: SketchAlgebra = {
  prepare: 'hash',
  sketch: distinctSketch,
  estimate: (sketch) => (sketch as DistinctSketch).estimate(),
};

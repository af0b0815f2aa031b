import { quantileSketch, type QuantileSketch } from '../sketches/quantile-sketch.ts';
import {
  reversibleQuantileSketch,
  type ReversibleQuantileSketch,
} from '../sketches/reversible-quantile-sketch.ts';
import type { SketchAlgebra } from './aggregation-algebra.ts';

/**
 * The value of rank floor(q (n - 1)), counted from 0, of the n values that are not null, within 1 % of
 * itself; null where there is none.
 */
export const approxQuantile = (q: number): SketchAlgebra => ({
  prepare: 'field',
  sketch: quantileSketch,
  estimate: (sketch) => (sketch as QuantileSketch).quantile(q),
  reversible: {
    prepare: 'field',
    sketch: reversibleQuantileSketch,
    estimate: (sketch) => (sketch as ReversibleQuantileSketch).quantile(q),
  },
});

import { textOfCode } from '../text-code.ts';
import { frequencySketch, type FrequencySketch } from '../sketches/frequency-sketch.ts';
import type { SketchAlgebra } from './aggregation-algebra.ts';

/** How often the value of a rank comes, where 1 is the most frequent; null where there are fewer different values. */
export const topK = (rank: number): SketchAlgebra => ({
  prepare: 'code',
  sketch: frequencySketch,
  estimate: (sketch) => (sketch as FrequencySketch).ranked()[rank - 1]?.count ?? NaN,
  textOf(sketch) {
    const found = (sketch as FrequencySketch).ranked()[rank - 1];
    return found === undefined ? null : textOfCode(found.code);
  },
});

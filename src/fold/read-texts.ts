import type { Sketch } from './sketches/sketch.ts';
import type { TileRun } from './tile-run.ts';
import type { EstimatePlan, Resolution, ViewProgram } from './view-program.ts';
import type { ViewState } from './view-state.ts';

/**
 * Which texts the features of a view are about, where they are about texts: of a topK, the value that comes so often. Null
 * where the feature is null, and where of the text only its hash is known.
 * @param values the features as `readFresh` gave them as of the same moment
 */
export function readTexts(
  program: ViewProgram,
  state: ViewState | null,
  asOf: number,
  values: Float64Array,
): Readonly<Record<string, string | null>> {
  const texts: Record<string, string | null> = {};
  program.resolutions.forEach((resolution, r) => {
    for (const { windowMs, estimates } of resolution.windows) {
      const merged = new Map<number, Sketch>();
      for (const estimate of estimates) {
        if (estimate.isPart || estimate.algebra.textOf === undefined) continue;
        const name = program.featureNames[estimate.feature]!;
        texts[name] = null;
        if (state === null || Number.isNaN(values[estimate.feature])) continue;
        let sketch = merged.get(estimate.sketch);
        if (sketch === undefined) {
          sketch = mergeWindow(resolution, state.runs[r]!, estimate, windowMs, asOf);
          merged.set(estimate.sketch, sketch);
        }
        texts[name] = estimate.algebra.textOf(sketch);
      }
    }
  });
  return texts;
}

function mergeWindow(
  { hopMs }: Resolution,
  run: TileRun,
  { algebra, sketch: place }: EstimatePlan,
  windowMs: number,
  asOf: number,
): Sketch {
  const merged = algebra.sketch.create();
  const end = run.countBefore(Math.floor(asOf / hopMs) + 1);
  for (let n = run.countBefore(Math.floor((asOf - windowMs) / hopMs)); n < end; n++) {
    merged.merge(run.sketches[n]![place]!);
  }
  return merged;
}

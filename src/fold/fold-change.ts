import { assertInvariant } from '../core/assert-invariant.ts';
import type { TileRun } from './tile-run.ts';
import type { Resolution, ViewProgram } from './view-program.ts';

/**
 * Folds one row of a change into the tiles of a key: adds it, or takes it out of the tile that it was added to. A tile of
 * which nothing is left goes, so that a state from which a row was taken back has the bytes of one that never had it. Where a
 * row is taken back before it was added, the tile holds less than nothing until then.
 * @param times effective event time and known time
 */
export function foldChange(
  program: ViewProgram,
  runs: readonly TileRun[],
  newestKnownTime: number,
  inputs: Float64Array,
  at: number,
  times: Float64Array,
): void {
  const isRetraction = inputs[at + program.signInput]! < 0;
  program.resolutions.forEach((resolution, r) => {
    const run = runs[r]!;
    const tile = Math.floor(times[0]! / resolution.hopMs);
    const oldest = Math.floor((newestKnownTime - resolution.retainMs) / resolution.hopMs);
    run.dropBefore(oldest);
    if (tile < oldest || !resolution.inputs.some((input) => !Number.isNaN(inputs[at + input]!))) return;
    const slots = run.slotsOf(tile, resolution.identity);
    const place = (slots - 1) / run.stride - run.first;
    changeSlots(resolution, run, slots, isRetraction, inputs, at, times);
    changeSketches(resolution, run, place, isRetraction, inputs, at);
    if (isEmpty(resolution, run, slots, place)) run.drop(place);
  });
}

function changeSlots(
  resolution: Resolution,
  run: TileRun,
  slots: number,
  isRetraction: boolean,
  inputs: Float64Array,
  at: number,
  times: Float64Array,
): void {
  for (const { intermediate, input, offset } of resolution.columns) {
    if (Number.isNaN(inputs[at + input]!)) continue;
    if (!isRetraction) {
      intermediate.update(run.values, slots + offset, inputs, at + input, times);
      continue;
    }
    assertInvariant(intermediate.retract !== undefined, `'${intermediate.name}' can take an event back`);
    intermediate.retract(run.values, slots + offset, inputs, at + input, times);
  }
}

function changeSketches(
  resolution: Resolution,
  run: TileRun,
  place: number,
  isRetraction: boolean,
  inputs: Float64Array,
  at: number,
): void {
  resolution.sketches.forEach(({ kind, input }, i) => {
    const value = inputs[at + input]!;
    if (Number.isNaN(value)) return;
    const sketch = run.sketches[place]![i]!;
    if (!isRetraction) {
      sketch.add(value);
      return;
    }
    assertInvariant(sketch.retract !== undefined, `sketch '${kind.name}' can take a value back`);
    sketch.retract(value);
  });
}

function isEmpty(resolution: Resolution, run: TileRun, slots: number, place: number): boolean {
  const { identity, sketches } = resolution;
  for (let i = 0; i < identity.length; i++) if (run.values[slots + i] !== identity[i]) return false;
  return sketches.length === 0 || run.sketches[place]!.every((sketch) => sketch.isEmpty === true);
}

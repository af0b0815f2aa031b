import { describe, expect, it } from 'vitest';
import { layoutOf } from '../../../src/fold/tile-layout.ts';
import { TileMemory } from '../../../src/fold/tile-memory.ts';
import type { TileRun } from '../../../src/fold/tile-run.ts';

const identity = Float64Array.of(0);
/** Of one hop, beside another. */
const runOf = (): TileRun => new TileMemory(layoutOf([{ slotCount: 3, sketchKinds: [] }, { slotCount: 1, sketchKinds: [] }]), 4).runs[1]!;
const add = (run: TileRun, tile: number): void => {
  // First the place: making it may move the values.
  const at = run.slotsOf(tile, identity);
  run.values[at]! += 1;
};
const tilesOf = (run: TileRun): number[] => Array.from({ length: run.count }, (_, n) => run.tileAt(n));
const countsOf = (run: TileRun): number[] =>
  Array.from({ length: run.count }, (_, n) => run.values[(run.first + n) * run.stride + 1]!);

describe('a run of tiles', () => {
  it('keeps late tiles in their place, each once', () => {
    const run = runOf();
    for (const tile of [10, 20, 15, 5, 20, 15, 7, 15, -3]) add(run, tile);
    expect(tilesOf(run)).toEqual([-3, 5, 7, 10, 15, 20]);
    expect(countsOf(run)).toEqual([1, 1, 1, 1, 3, 2]);
  });

  it('finds how many tiles lie before one', () => {
    const run = runOf();
    for (const tile of [1, 3, 5, 7]) add(run, tile);
    expect([0, 1, 2, 7, 8].map((tile) => run.countBefore(tile))).toEqual([0, 0, 1, 3, 4]);
  });

  it('drops old tiles, also one that came late after an earlier drop', () => {
    const run = runOf();
    for (const tile of [1, 2, 10, 20]) add(run, tile);
    run.dropBefore(5);
    expect(tilesOf(run)).toEqual([10, 20]);
    add(run, 7);
    run.dropBefore(8);
    expect(tilesOf(run)).toEqual([10, 20]);
    run.dropBefore(100);
    expect(tilesOf(run)).toEqual([]);
    add(run, 100);
    expect([tilesOf(run), countsOf(run)]).toEqual([[100], [1]]);
  });

  it('uses the room of dropped tiles again', () => {
    const run = runOf();
    for (let tile = 0; tile < 1_000; tile++) {
      run.dropBefore(tile - 9);
      add(run, tile);
    }
    expect(tilesOf(run)).toEqual([990, 991, 992, 993, 994, 995, 996, 997, 998, 999]);
    expect(run.values.length).toBeLessThanOrEqual(64);
  });
});

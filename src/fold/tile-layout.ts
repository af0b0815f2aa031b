import type { SketchKind } from './sketches/sketch.ts';

/** What the tiles of one hop need. */
export interface TileShape {
  readonly slotCount: number;
  readonly sketchKinds: readonly SketchKind[];
}

/**
 * Where things lie in the one array of a state. An event touches few cache lines that way, and those few
 * are known at once: with an object and an array per hop, each would be found through the one before.
 *
 *     newest known time | fence count | 6 numbers per hop | fences | tiles of hop 0 | tiles of hop 1 | ...
 *
 * A tile is its index (floor of event time / hop), then its slots. The tiles of a hop begin at a multiple of their
 * stride, so that a tile's number times the stride is its place; numbers below are such.
 */
export interface TileLayout {
  readonly shapes: readonly TileShape[];
  /** Numbers per tile, by hop: its index and its slots. */
  readonly strides: Int32Array;
  /** Where the fences begin. */
  readonly fencesAt: number;
  readonly hasSketches: boolean;
  /** Arrays of states without events, by number of fences: a new state begins with a copy. */
  readonly blanks: Map<number, Float64Array>;
}

export const NEWEST_KNOWN_TIME = 0;
export const FENCE_COUNT = 1;
const HOPS_AT = 2;
const NUMBERS_PER_HOP = 6;

/** Of a hop, from `hopAt`: index of the newest tile; -Infinity where there is none. */
export const NEWEST_TILE = 0;
/** Where the slots of the newest tile begin. */
export const NEWEST_SLOTS = 1;
/** Index that no tile in use lies before. */
export const OLDEST = 2;
/** Number of the first tile in use. */
export const FIRST = 3;
/** How many tiles are in use. */
export const COUNT = 4;
/** Number of the first tile that there is no room for. */
export const END = 5;

/** Where the numbers of a hop begin. */
export const hopAt = (hop: number): number => HOPS_AT + hop * NUMBERS_PER_HOP;

export function layoutOf(shapes: readonly TileShape[]): TileLayout {
  return {
    shapes,
    strides: Int32Array.from(shapes, ({ slotCount }) => slotCount + 1),
    fencesAt: hopAt(shapes.length),
    hasSketches: shapes.some(({ sketchKinds }) => sketchKinds.length > 0),
    blanks: new Map(),
  };
}

import type { Sketch } from './sketches/sketch.ts';
import { COUNT, FIRST, hopAt, type TileLayout } from './tile-layout.ts';

const NO_SKETCHES: Sketch[][] = [];

/** What a run is a window on: the `TileMemory` of a state. */
interface Tiles {
  readonly values: Float64Array;
  readonly layout: TileLayout;
  readonly sketches: readonly Sketch[][][];
  countBefore(hop: number, tile: number): number;
  dropBefore(hop: number, tile: number): void;
  drop(hop: number, n: number): void;
  slotsOf(hop: number, tile: number, identity: Float64Array): number;
}

/** The tiles of one key at one hop that are not empty, ascending by index: a window on the memory of its state. */
export class TileRun {
  /** Numbers per tile: its index (floor of event time / hop), then its slots. */
  readonly stride: number;
  readonly #memory: Tiles;
  readonly #hop: number;

  constructor(memory: Tiles, hop: number) {
    this.#memory = memory;
    this.#hop = hop;
    this.stride = memory.layout.strides[hop]!;
  }

  /** The array of the whole state; the n-th tile in use begins at (`first` + n) * `stride`. */
  get values(): Float64Array {
    return this.#memory.values;
  }

  get first(): number {
    return this.#memory.values[hopAt(this.#hop) + FIRST]!;
  }

  get count(): number {
    return this.#memory.values[hopAt(this.#hop) + COUNT]!;
  }

  /** Per tile in use, in their order, one sketch of each kind; empty where there are no kinds. */
  get sketches(): Sketch[][] {
    return this.#memory.sketches[this.#hop] ?? NO_SKETCHES;
  }

  /** Index of the n-th tile in use. */
  tileAt(n: number): number {
    return this.values[(this.first + n) * this.stride]!;
  }

  /** How many tiles in use lie before `tile`. */
  countBefore(tile: number): number {
    return this.#memory.countBefore(this.#hop, tile);
  }

  /** Drops the tiles before `tile`. */
  dropBefore(tile: number): void {
    this.#memory.dropBefore(this.#hop, tile);
  }

  /** Drops the n-th tile in use. */
  drop(n: number): void {
    this.#memory.drop(this.#hop, n);
  }

  /** Where the slots of `tile` begin in `values`; puts a tile with the identity in its place where there is none. */
  slotsOf(tile: number, identity: Float64Array): number {
    return this.#memory.slotsOf(this.#hop, tile, identity);
  }
}

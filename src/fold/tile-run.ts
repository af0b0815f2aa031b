import type { Sketch, SketchKind } from './sketches/sketch.ts';

const NO_SKETCHES: readonly SketchKind[] = [];
/** Tiles that a run has room for at first; it doubles. Most keys of most views stay small. */
const CAPACITY_MIN = 2;

/**
 * The tiles of one key at one hop that are not empty, ascending by index, in one array: per tile its
 * index (floor of event time / hop), then its slots. Old tiles leave at the front by moving `first`.
 * Sketches, which most views have none of, lie beside the array.
 */
export class TileRun {
  values: Float64Array;
  /** First tile in use, counted in tiles. */
  first = 0;
  count = 0;
  readonly stride: number;
  /** No tile in use lies before it. */
  #oldest = -Infinity;

  /** Per tile in use, in their order, one sketch of each kind; empty where there are no kinds. */
  sketches: Sketch[][] = [];
  readonly #sketchKinds: readonly SketchKind[];

  constructor(slotCount: number, sketchKinds: readonly SketchKind[] = NO_SKETCHES, capacity = CAPACITY_MIN) {
    this.#sketchKinds = sketchKinds;
    this.stride = slotCount + 1;
    this.values = new Float64Array(this.stride * capacity);
  }

  /** Drops all tiles and keeps the room: for the next key of a pass over many. */
  clear(): void {
    this.first = 0;
    this.count = 0;
    this.#oldest = -Infinity;
    if (this.sketches.length > 0) this.sketches = [];
  }

  /** Bytes of memory, about. */
  get byteLength(): number {
    let bytes = this.values.byteLength;
    for (const sketches of this.sketches) for (const sketch of sketches) bytes += sketch.byteLength;
    return bytes;
  }

  /** Index of the n-th tile in use. */
  tileAt(n: number): number {
    return this.values[(this.first + n) * this.stride]!;
  }

  /** How many tiles in use lie before `tile`. */
  countBefore(tile: number): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.values[(this.first + middle) * this.stride]! < tile) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Drops the tiles before `tile`. */
  dropBefore(tile: number): void {
    // Nearly every call ends here, without a look at the oldest tile, which is not in the cache.
    if (tile <= this.#oldest) return;
    const { count } = this;
    while (this.count > 0 && this.values[this.first * this.stride]! < tile) {
      this.first += 1;
      this.count -= 1;
    }
    if (this.sketches.length > 0) this.sketches.splice(0, count - this.count);
    if (this.count === 0) this.first = 0;
    this.#oldest = this.count === 0 ? tile : this.tileAt(0);
  }

  /** Where the slots of `tile` begin in `values`; puts a tile with the identity in its place where there is none. */
  slotsOf(tile: number, identity: Float64Array): number {
    const { count, stride } = this;
    if (count > 0) {
      const newest = (this.first + count - 1) * stride;
      const newestTile = this.values[newest]!;
      if (newestTile === tile) return newest + 1;
      if (newestTile > tile) return this.#slotsOfLate(tile, identity);
    }
    return this.#insert(count, tile, identity);
  }

  #slotsOfLate(tile: number, identity: Float64Array): number {
    const n = this.countBefore(tile);
    const at = (this.first + n) * this.stride;
    return this.values[at] === tile ? at + 1 : this.#insert(n, tile, identity);
  }

  #insert(n: number, tile: number, identity: Float64Array): number {
    this.#makeRoom();
    const { stride } = this;
    const at = (this.first + n) * stride;
    if (n < this.count) this.values.copyWithin(at + stride, at, (this.first + this.count) * stride);
    this.values[at] = tile;
    if (tile < this.#oldest) this.#oldest = tile;
    for (let i = 0; i < identity.length; i++) this.values[at + 1 + i] = identity[i]!;
    if (this.#sketchKinds.length > 0) {
      this.sketches.splice(
        n,
        0,
        this.#sketchKinds.map((kind) => kind.create()),
      );
    }
    this.count += 1;
    return at + 1;
  }

  /** Room for one more tile at the end. */
  #makeRoom(): void {
    const { stride, first, count } = this;
    if ((first + count + 1) * stride <= this.values.length) return;
    // Moving down costs `count` and frees `first` tiles: worth it only where it frees a good part.
    if (first > count >>> 1) {
      this.values.copyWithin(0, first * stride, (first + count) * stride);
    } else {
      const grown = new Float64Array(Math.max(CAPACITY_MIN, 2 * count) * stride);
      grown.set(this.values.subarray(first * stride, (first + count) * stride));
      this.values = grown;
    }
    this.first = 0;
  }
}

import type { Sketch } from './sketches/sketch.ts';
import {
  COUNT,
  END,
  FENCE_COUNT,
  FIRST,
  hopAt,
  NEWEST_KNOWN_TIME,
  NEWEST_SLOTS,
  NEWEST_TILE,
  OLDEST,
  type TileLayout,
} from './tile-layout.ts';
import { TileRun } from './tile-run.ts';

/** Tiles of a hop that there is room for at first; it doubles. Most keys of most views stay small. */
const CAPACITY_MIN = 2;
/** Offset of a fence that has let nothing through yet. */
const NOTHING_APPLIED = -1;
const NO_SKETCHES: readonly Sketch[][][] = [];

/** The tiles of one key at all hops of its view, its fences and its newest known time, in one array. */
export class TileMemory {
  /** As the layout says. Another array once there is no room: never keep it over a call that makes a tile. */
  values: Float64Array;
  readonly layout: TileLayout;
  /** By hop, then by tile in use, in their order: one sketch of each kind. Empty where no hop has kinds. */
  readonly sketches: readonly Sketch[][][];
  #runs: readonly TileRun[] | undefined;

  constructor(layout: TileLayout, fenceCount: number) {
    this.layout = layout;
    this.sketches = layout.hasSketches ? layout.shapes.map(() => []) : NO_SKETCHES;
    let blank = layout.blanks.get(fenceCount);
    if (blank === undefined) layout.blanks.set(fenceCount, (blank = blankOf(layout, fenceCount)));
    this.values = new Float64Array(blank);
  }

  /** Newest known time of the events applied, ms since the epoch; -Infinity before the first. */
  get newestKnownTime(): number {
    return this.values[NEWEST_KNOWN_TIME]!;
  }

  set newestKnownTime(time: number) {
    this.values[NEWEST_KNOWN_TIME] = time;
  }

  /** By partition of the source: highest source offset applied, -1 where none was. A view, until a tile is made. */
  get fences(): Float64Array {
    const { fencesAt } = this.layout;
    return this.values.subarray(fencesAt, fencesAt + this.values[FENCE_COUNT]!);
  }

  set fences(fences: Float64Array) {
    if (fences.length !== this.values[FENCE_COUNT]) this.#layOut(fences.length, this.#capacities());
    this.values.set(fences, this.layout.fencesAt);
  }

  /** The tiles of each hop. */
  get runs(): readonly TileRun[] {
    this.#runs ??= this.layout.shapes.map((_, hop) => new TileRun(this, hop));
    return this.#runs;
  }

  /** Bytes of memory, about. */
  get byteLength(): number {
    let bytes = this.values.byteLength;
    for (const tiles of this.sketches) {
      for (const sketches of tiles) for (const sketch of sketches) bytes += sketch.byteLength;
    }
    return bytes;
  }

  /** Fences of so many partitions of the source. */
  growFences(count: number): void {
    const grown = new Float64Array(count).fill(NOTHING_APPLIED);
    grown.set(this.fences);
    this.fences = grown;
  }

  /** Makes it that of a key without events again and keeps the room. */
  clear(): void {
    const { values } = this;
    values[NEWEST_KNOWN_TIME] = -Infinity;
    this.fences.fill(NOTHING_APPLIED);
    for (let hop = 0; hop < this.layout.strides.length; hop++) {
      setHop(values, hop, -Infinity, this.#start(hop), 0, values[hopAt(hop) + END]!);
      setNewest(values, hop, this.layout.strides[hop]!);
    }
    for (const sketches of this.sketches) sketches.length = 0;
  }

  /** How many tiles in use lie before the one with index `tile`. */
  countBefore(hop: number, tile: number): number {
    const { values } = this;
    const stride = this.layout.strides[hop]!;
    // As whole numbers: the processor would convert each place from a double else.
    const first = values[hopAt(hop) + FIRST]! | 0;
    let low = 0;
    let high = values[hopAt(hop) + COUNT]! | 0;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (values[(first + middle) * stride]! < tile) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Drops the tiles before the one with index `tile`. */
  dropBefore(hop: number, tile: number): void {
    const { values } = this;
    const at = hopAt(hop);
    if (tile <= values[at + OLDEST]!) return;
    const stride = this.layout.strides[hop]!;
    let first = values[at + FIRST]!;
    let count = values[at + COUNT]!;
    const before = count;
    while (count > 0 && values[first * stride]! < tile) {
      first += 1;
      count -= 1;
    }
    if (this.sketches.length > 0) this.sketches[hop]!.splice(0, before - count);
    if (count === 0) first = this.#start(hop);
    setHop(values, hop, count === 0 ? tile : values[first * stride]!, first, count, values[at + END]!);
    if (count === 0) setNewest(values, hop, stride);
  }

  /** Drops the n-th tile in use. */
  drop(hop: number, n: number): void {
    const { values } = this;
    const at = hopAt(hop);
    const stride = this.layout.strides[hop]!;
    const first = values[at + FIRST]!;
    values.copyWithin((first + n) * stride, (first + n + 1) * stride, (first + values[at + COUNT]!) * stride);
    if (this.sketches.length > 0) this.sketches[hop]!.splice(n, 1);
    values[at + COUNT]! -= 1;
    setNewest(values, hop, stride);
  }

  /** Where the slots of a tile begin in `values`; puts a tile with the identity in its place where there is none. */
  slotsOf(hop: number, tile: number, identity: Float64Array): number {
    const { values } = this;
    const at = hopAt(hop);
    const newest = values[at + NEWEST_TILE]!;
    if (tile === newest) return values[at + NEWEST_SLOTS]!;
    if (tile > newest) return this.#insert(hop, values[at + COUNT]!, tile, identity);
    const stride = this.layout.strides[hop]!;
    const n = this.countBefore(hop, tile);
    const place = (values[at + FIRST]! + n) * stride;
    return values[place] === tile ? place + 1 : this.#insert(hop, n, tile, identity);
  }

  /** Room for so many tiles of a hop that has none; they are then written to `values` and counted by `setCount`. */
  reserve(hop: number, count: number): void {
    if (count <= this.values[hopAt(hop) + END]! - this.#start(hop)) return;
    const capacities = this.#capacities();
    capacities[hop] = count;
    this.#layOut(this.values[FENCE_COUNT]!, capacities);
  }

  setCount(hop: number, count: number): void {
    this.values[hopAt(hop) + COUNT] = count;
    setNewest(this.values, hop, this.layout.strides[hop]!);
  }

  #insert(hop: number, n: number, tile: number, identity: Float64Array): number {
    const at = hopAt(hop);
    if (this.values[at + FIRST]! + this.values[at + COUNT]! >= this.values[at + END]!) this.#makeRoom(hop);
    const { values } = this;
    const stride = this.layout.strides[hop]!;
    const first = values[at + FIRST]!;
    const count = values[at + COUNT]!;
    const place = (first + n) * stride;
    if (n < count) values.copyWithin(place + stride, place, (first + count) * stride);
    values[place] = tile;
    for (let i = 0; i < identity.length; i++) values[place + 1 + i] = identity[i]!;
    values[at + COUNT] = count + 1;
    if (tile < values[at + OLDEST]!) values[at + OLDEST] = tile;
    if (n === count) {
      values[at + NEWEST_TILE] = tile;
      values[at + NEWEST_SLOTS] = place + 1;
    } else {
      values[at + NEWEST_SLOTS]! += stride;
    }
    if (this.sketches.length > 0) {
      this.sketches[hop]!.splice(n, 0, this.layout.shapes[hop]!.sketchKinds.map((kind) => kind.create()));
    }
    return place + 1;
  }

  /** Room for one more tile at the end. */
  #makeRoom(hop: number): void {
    const { values } = this;
    const at = hopAt(hop);
    const first = values[at + FIRST]!;
    const count = values[at + COUNT]!;
    const start = this.#start(hop);
    // Moving down costs `count` and frees what was dropped: worth it only where that is a good part.
    if (first - start > count >>> 1) {
      const stride = this.layout.strides[hop]!;
      values.copyWithin(start * stride, first * stride, (first + count) * stride);
      values[at + FIRST] = start;
      setNewest(values, hop, stride);
      return;
    }
    const capacities = this.#capacities();
    capacities[hop] = Math.max(CAPACITY_MIN, 2 * count);
    // Whoever will need room soon gets it on the way.
    for (let other = 0; other < capacities.length; other++) {
      const used = values[hopAt(other) + COUNT]!;
      if (4 * used > 3 * capacities[other]!) capacities[other] = 2 * used;
    }
    this.#layOut(values[FENCE_COUNT]!, capacities);
  }

  /** Moves everything to a new array with room for so many fences and tiles. */
  #layOut(fenceCount: number, capacities: Int32Array): void {
    const { strides, fencesAt } = this.layout;
    const old = this.values;
    const values = new Float64Array(lengthOf(this.layout, fenceCount, capacities));
    values.set(old.subarray(0, fencesAt + Math.min(fenceCount, old[FENCE_COUNT]!)));
    values[FENCE_COUNT] = fenceCount;
    let end = fencesAt + fenceCount;
    for (let hop = 0; hop < strides.length; hop++) {
      const stride = strides[hop]!;
      const from = old[hopAt(hop) + FIRST]!;
      const count = old[hopAt(hop) + COUNT]!;
      const first = Math.ceil(end / stride);
      values.set(old.subarray(from * stride, (from + count) * stride), first * stride);
      setHop(values, hop, old[hopAt(hop) + OLDEST]!, first, count, first + capacities[hop]!);
      setNewest(values, hop, stride);
      end = (first + capacities[hop]!) * stride;
    }
    this.values = values;
  }

  /** Tiles that there is room for, by hop. */
  #capacities(): Int32Array {
    return this.layout.strides.map((_, hop) => this.values[hopAt(hop) + END]! - this.#start(hop));
  }

  /** Number of the first tile that a hop has room for. */
  #start(hop: number): number {
    const { strides, fencesAt } = this.layout;
    const end =
      hop === 0
        ? fencesAt + this.values[FENCE_COUNT]!
        : this.values[hopAt(hop - 1) + END]! * strides[hop - 1]!;
    return Math.ceil(end / strides[hop]!);
  }
}

function blankOf(layout: TileLayout, fenceCount: number): Float64Array {
  const { fencesAt, strides } = layout;
  const values = new Float64Array(lengthOf(layout, fenceCount, new Int32Array(strides.length).fill(CAPACITY_MIN)));
  values[NEWEST_KNOWN_TIME] = -Infinity;
  values[FENCE_COUNT] = fenceCount;
  values.fill(NOTHING_APPLIED, fencesAt, fencesAt + fenceCount);
  let end = fencesAt + fenceCount;
  for (let hop = 0; hop < strides.length; hop++) {
    const first = Math.ceil(end / strides[hop]!);
    setHop(values, hop, -Infinity, first, 0, first + CAPACITY_MIN);
    setNewest(values, hop, strides[hop]!);
    end = (first + CAPACITY_MIN) * strides[hop]!;
  }
  return values;
}

/** At most: the tiles of a hop begin up to a stride after those before them end. */
function lengthOf({ fencesAt, strides }: TileLayout, fenceCount: number, capacities: Int32Array): number {
  let end = fencesAt + fenceCount;
  for (let hop = 0; hop < strides.length; hop++) {
    end = (Math.ceil(end / strides[hop]!) + capacities[hop]!) * strides[hop]!;
  }
  return end;
}

function setHop(
  values: Float64Array,
  hop: number,
  oldest: number,
  first: number,
  count: number,
  end: number,
): void {
  const at = hopAt(hop);
  values[at + OLDEST] = oldest;
  values[at + FIRST] = first;
  values[at + COUNT] = count;
  values[at + END] = end;
}

/** Finds the newest tile again, after tiles moved. */
function setNewest(values: Float64Array, hop: number, stride: number): void {
  const at = hopAt(hop);
  const count = values[at + COUNT]!;
  const place = (values[at + FIRST]! + count - 1) * stride;
  values[at + NEWEST_TILE] = count === 0 ? -Infinity : values[place]!;
  values[at + NEWEST_SLOTS] = count === 0 ? 0 : place + 1;
}

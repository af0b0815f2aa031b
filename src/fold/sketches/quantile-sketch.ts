import { assertInvariant } from '../../core/assert-invariant.ts';
import { MalformedBytes, type ByteReader } from '../byte-reader.ts';
import type { ByteWriter } from '../byte-writer.ts';
import type { Sketch, SketchKind } from './sketch.ts';

/** Greatest relative error of a value that is told from its bucket. */
export const RELATIVE_ERROR = 0.01;
const GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR);
const LOG_GAMMA = Math.log(GAMMA);
/** Buckets that are kept of each sign: they span a factor of GAMMA^1024, some 8e8. */
export const BUCKETS_MAX = 1_024;
/** Puts the bucket of every positive double above 0: the smallest is GAMMA^-37,221. */
const BIAS = 40_000;
/** Bucket of the greatest double. */
export const BUCKET_MAX = 80_000;

/**
 * How many values fell into each bucket (GAMMA^(i - 1), GAMMA^i] and its mirror below 0: DDSketch (Masson,
 * Rim and Lee, "DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees", 2019).
 * Of each sign the BUCKETS_MAX buckets up to the one farthest from 0 are kept; what lies nearer to 0 is
 * counted in the last of them. The farthest bucket depends on the values only, so does what is kept.
 */
export class QuantileSketch implements Sketch {
  /** Ascending, as their values: below 0 the mirror's, 0 of zeros, above it BIAS + i. */
  #keys: number[] = [];
  #counts: number[] = [];

  get byteLength(): number {
    return 16 * this.#keys.length;
  }

  add(value: number): void {
    const key = bucketOf(value);
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#keys[middle]! < key) low = middle + 1;
      else high = middle;
    }
    if (this.#keys[low] === key) {
      this.#counts[low]! += 1;
      return;
    }
    this.#keys.splice(low, 0, key);
    this.#counts.splice(low, 0, 1);
    this.#collapse();
  }

  merge(other: Sketch): void {
    assertInvariant(other instanceof QuantileSketch, 'sketches of one kind are merged');
    const keys: number[] = [];
    const counts: number[] = [];
    for (let i = 0, j = 0; i < this.#keys.length || j < other.#keys.length;) {
      const own = this.#keys[i] ?? Infinity;
      const others = other.#keys[j] ?? Infinity;
      keys.push(Math.min(own, others));
      counts.push((own <= others ? this.#counts[i++]! : 0) + (others <= own ? other.#counts[j++]! : 0));
    }
    this.#keys = keys;
    this.#counts = counts;
    this.#collapse();
  }

  clear(): void {
    this.#keys.length = 0;
    this.#counts.length = 0;
  }

  /** The value of rank floor(q (n - 1)) of n values, within RELATIVE_ERROR; NaN where there is none. */
  quantile(q: number): number {
    const count = this.#counts.reduce((sum, one) => sum + one, 0);
    let rank = Math.floor(q * (count - 1));
    for (let i = 0; i < this.#keys.length; i++) {
      if (rank < this.#counts[i]!) return valueOf(this.#keys[i]!);
      rank -= this.#counts[i]!;
    }
    return NaN;
  }

  encode(writer: ByteWriter): void {
    writer.varint(this.#keys.length);
    this.#keys.forEach((key, i) => {
      if (i === 0) writer.signedVarint(key);
      else writer.varint(key - this.#keys[i - 1]!);
      writer.varint(this.#counts[i]!);
    });
  }

  static decode(reader: ByteReader): QuantileSketch {
    const sketch = new QuantileSketch();
    const size = reader.varintUpTo(2 * BUCKETS_MAX + 1, 'number of buckets');
    for (let i = 0, key = 0; i < size; i++) {
      const step = i === 0 ? reader.signedVarint() : reader.varint();
      key += step;
      const count = reader.varint();
      if ((i > 0 && step === 0) || Math.abs(key) > BUCKET_MAX || count === 0) {
        throw new MalformedBytes(`expected ascending buckets that are not empty, found ${count} in ${key}`);
      }
      sketch.#keys.push(key);
      sketch.#counts.push(count);
    }
    return sketch;
  }

  /** Of buckets ascending, none empty. */
  static ofBuckets(buckets: readonly (readonly [bucket: number, count: number])[]): QuantileSketch {
    const sketch = new QuantileSketch();
    sketch.#keys = buckets.map(([bucket]) => bucket);
    sketch.#counts = buckets.map(([, count]) => count);
    sketch.#collapse();
    return sketch;
  }

  /** Counts the buckets that are too near to 0 in the nearest that is kept, on both sides. */
  #collapse(): void {
    const last = this.#keys.at(-1) ?? 0;
    if (last > 0) {
      let first = this.#keys.length - 1;
      while (first > 0 && this.#keys[first - 1]! > 0) first--;
      this.#gather(first, last - BUCKETS_MAX + 1, 1);
    }
    const least = this.#keys[0] ?? 0;
    if (least < 0) {
      let first = 0;
      while (first < this.#keys.length - 1 && this.#keys[first + 1]! < 0) first++;
      this.#gather(first, least + BUCKETS_MAX - 1, -1);
    }
  }

  /** From the bucket at `first`, the nearest to 0 of its sign, to the one that `nearest` bounds. */
  #gather(first: number, nearest: number, direction: 1 | -1): void {
    let gathered = 0;
    let at = first;
    while ((this.#keys[at]! - nearest) * direction < 0) {
      gathered += this.#counts[at]!;
      at += direction;
    }
    if (gathered === 0) return;
    const [from, to] = direction === 1 ? [first, at] : [at + 1, first + 1];
    if (this.#keys[at] === nearest) {
      this.#counts[at]! += gathered;
      this.#keys.splice(from, to - from);
      this.#counts.splice(from, to - from);
    } else {
      this.#keys.splice(from, to - from, nearest);
      this.#counts.splice(from, to - from, gathered);
    }
  }
}

export const quantileSketch: SketchKind = {
  name: 'quantile',
  create: () => new QuantileSketch(),
  decode: (reader) => QuantileSketch.decode(reader),
};

/** Bucket of a value, ascending as the values: below 0 the mirror's, 0 of zeros. */
export function bucketOf(value: number): number {
  if (value === 0) return 0;
  const key = BIAS + Math.ceil(Math.log(Math.abs(value)) / LOG_GAMMA);
  return value > 0 ? key : -key;
}

/** The middle of a bucket, of equal relative distance to both of its ends. */
function valueOf(key: number): number {
  if (key === 0) return 0;
  const middle = (2 * Math.exp((Math.abs(key) - BIAS) * LOG_GAMMA)) / (GAMMA + 1);
  return key > 0 ? middle : -middle;
}

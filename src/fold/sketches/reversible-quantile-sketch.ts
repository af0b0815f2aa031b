import { assertInvariant } from '../../core/assert-invariant.ts';
import { MalformedBytes, type ByteReader } from '../byte-reader.ts';
import type { ByteWriter } from '../byte-writer.ts';
import { bucketOf, BUCKET_MAX, QuantileSketch } from './quantile-sketch.ts';
import type { Sketch, SketchKind } from './sketch.ts';

/**
 * The buckets of a QuantileSketch without its bound on their number: a bucket that was counted in another can't be told
 * from it again. What bounds them is the range of a double, at most 80,001 buckets; values of any one magnitude take 35 a
 * factor of two. Where more is taken back than was added a bucket counts below 0, and for a read as empty.
 */
export class ReversibleQuantileSketch implements Sketch {
  readonly #counts = new Map<number, number>();

  get byteLength(): number {
    return 32 * this.#counts.size;
  }

  get isEmpty(): boolean {
    return this.#counts.size === 0;
  }

  add(value: number): void {
    this.#change(bucketOf(value), 1);
  }

  retract(value: number): void {
    this.#change(bucketOf(value), -1);
  }

  merge(other: Sketch): void {
    assertInvariant(other instanceof ReversibleQuantileSketch, 'sketches of one kind are merged');
    for (const [bucket, count] of other.#counts) this.#change(bucket, count);
  }

  clear(): void {
    this.#counts.clear();
  }

  /** What a QuantileSketch of the values that are left answers. */
  quantile(q: number): number {
    const present = this.#ascending().filter(([, count]) => count > 0);
    return QuantileSketch.ofBuckets(present).quantile(q);
  }

  encode(writer: ByteWriter): void {
    const buckets = this.#ascending();
    writer.varint(buckets.length);
    buckets.forEach(([bucket, count], i) => {
      if (i === 0) writer.signedVarint(bucket);
      else writer.varint(bucket - buckets[i - 1]![0]);
      writer.signedVarint(count);
    });
  }

  static decode(reader: ByteReader): ReversibleQuantileSketch {
    const sketch = new ReversibleQuantileSketch();
    const size = reader.varintUpTo(2 * BUCKET_MAX + 1, 'number of buckets');
    for (let i = 0, bucket = 0; i < size; i++) {
      const step = i === 0 ? reader.signedVarint() : reader.varint();
      bucket += step;
      const count = reader.signedVarint();
      if ((i > 0 && step === 0) || Math.abs(bucket) > BUCKET_MAX || count === 0) {
        throw new MalformedBytes(`expected ascending buckets that are not empty, found ${count} in ${bucket}`);
      }
      sketch.#counts.set(bucket, count);
    }
    return sketch;
  }

  #change(bucket: number, by: number): void {
    const count = (this.#counts.get(bucket) ?? 0) + by;
    if (count === 0) this.#counts.delete(bucket);
    else this.#counts.set(bucket, count);
  }

  #ascending(): (readonly [bucket: number, count: number])[] {
    return [...this.#counts].sort((a, b) => a[0] - b[0]);
  }
}

export const reversibleQuantileSketch: SketchKind = {
  name: 'reversibleQuantile',
  create: () => new ReversibleQuantileSketch(),
  decode: (reader) => ReversibleQuantileSketch.decode(reader),
};

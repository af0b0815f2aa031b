import { assertInvariant } from '../../core/assert-invariant.ts';
import { MalformedBytes, type ByteReader } from '../byte-reader.ts';
import type { ByteWriter } from '../byte-writer.ts';
import { hashValue } from '../hash-value.ts';
import type { Sketch, SketchKind } from './sketch.ts';

/** Different values that are counted at most. */
export const VALUES_MAX = 256;
const CODE_END = 2 ** 53;

export interface Frequency {
  /** Of the value, as `codeOfText` writes it. */
  readonly code: number;
  readonly count: number;
}

/**
 * How often each value comes: exact for up to VALUES_MAX different ones. Of more, those with the smallest hashes are counted, and
 * exactly: the smallest hashes of a union are among the smallest of each part, so that what is left out can't come back and no order
 * of arrival changes what is kept (bottom-k sampling of distinct values: Cohen and Kaplan, "Summarizing data using bottom-k
 * sketches", 2007). Misra-Gries and its like would keep the most frequent, but which those are depends on the order.
 */
export class FrequencySketch implements Sketch {
  #counts = new Map<number, number>();
  /** The value that is the next to be left out; where it has not been looked for, null. */
  #greatest: number | null = null;
  /** Most frequent first, of equals the smaller code; until something changes. */
  #ranked: readonly Frequency[] | null = null;

  get byteLength(): number {
    return 32 * this.#counts.size;
  }

  add(code: number): void {
    if (this.#counts.size === VALUES_MAX && !this.#counts.has(code)) {
      this.#greatest ??= greatestOf(this.#counts.keys());
      if (!isBefore(code, this.#greatest)) return;
      this.#counts.delete(this.#greatest);
      this.#greatest = null;
    }
    this.#count(code, 1);
  }

  merge(other: Sketch): void {
    assertInvariant(other instanceof FrequencySketch, 'sketches of one kind are merged');
    for (const [code, count] of other.#counts) this.#count(code, count);
    if (this.#counts.size <= VALUES_MAX) return;
    const kept = [...this.#counts.keys()].sort((a, b) => (isBefore(a, b) ? -1 : 1)).slice(0, VALUES_MAX);
    const counts = kept.map((code): [number, number] => [code, this.#counts.get(code) as number]);
    this.#counts = new Map(counts);
    this.#greatest = null;
  }

  clear(): void {
    this.#counts.clear();
    this.#ranked = null;
    this.#greatest = null;
  }

  ranked(): readonly Frequency[] {
    this.#ranked ??= [...this.#counts]
      .map(([code, count]) => ({ code, count }))
      .sort((a, b) => b.count - a.count || a.code - b.code);
    return this.#ranked;
  }

  encode(writer: ByteWriter): void {
    writer.varint(this.#counts.size);
    let before = 0;
    for (const code of [...this.#counts.keys()].sort((a, b) => a - b)) {
      writer.varint(code - before);
      writer.varint(this.#counts.get(code) as number);
      before = code;
    }
  }

  static decode(reader: ByteReader): FrequencySketch {
    const sketch = new FrequencySketch();
    const size = reader.varintUpTo(VALUES_MAX, 'number of values');
    for (let i = 0, code = 0; i < size; i++) {
      const step = reader.varint();
      code += step;
      const count = reader.varint();
      if ((i > 0 && step === 0) || code >= CODE_END || count === 0) {
        throw new MalformedBytes(`expected ascending values that came, found ${count} of ${code}`);
      }
      sketch.#counts.set(code, count);
    }
    return sketch;
  }

  #count(code: number, by: number): void {
    this.#counts.set(code, (this.#counts.get(code) ?? 0) + by);
    this.#ranked = null;
  }
}

/** The order in which values are kept: by the hashes of their codes. */
function isBefore(code: number, other: number): boolean {
  const [hash, otherHash] = [hashValue(code), hashValue(other)];
  return hash === otherHash ? code < other : hash < otherHash;
}

function greatestOf(codes: Iterable<number>): number {
  let greatest: number | undefined;
  for (const code of codes) if (greatest === undefined || isBefore(greatest, code)) greatest = code;
  assertInvariant(greatest !== undefined, 'a sketch that is full has values');
  return greatest;
}

export const frequencySketch: SketchKind = {
  name: 'frequency',
  create: () => new FrequencySketch(),
  decode: (reader) => FrequencySketch.decode(reader),
};

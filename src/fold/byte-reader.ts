import type { TextIds } from './text-ids.ts';

/** Bytes are not what the reader expects; codecs turn it into the MillraceError of their subject. */
export class MalformedBytes extends Error {
  override readonly name = 'MalformedBytes';
}

/** Longer texts are read one by one: each character of a call takes its place on the stack. */
const ASCII_MAX = 64;
const SAFE_TOP_FACTOR = 2 ** 49;
const SHORT_BYTES_MAX = 256;
const oneNumber = new DataView(new ArrayBuffer(8));

/** Reads what ByteWriter wrote; throws MalformedBytes on anything else. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #view: DataView | undefined;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  byte(): number {
    this.#need(1);
    return this.#bytes[this.#at++]!;
  }

  /** So many bytes, where they lie. */
  bytes(length: number): Uint8Array {
    this.#need(length);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  uint32(): number {
    this.#need(4);
    const bytes = this.#bytes;
    const at = this.#at;
    this.#at += 4;
    return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
  }

  float64(): number {
    this.#need(8);
    this.#at += 8;
    const value = this.#float64At(this.#at - 8);
    if (Number.isNaN(value)) throw new MalformedBytes('expected a number, found NaN');
    return value;
  }

  /** A view costs more than the few numbers of a short message. */
  #float64At(at: number): number {
    const bytes = this.#bytes;
    if (bytes.length > SHORT_BYTES_MAX) return (this.#view ??= new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)).getFloat64(at, true);
    for (let i = 0; i < 8; i++) oneNumber.setUint8(i, bytes[at + i]!);
    return oneNumber.getFloat64(0, true);
  }

  varint(): number {
    let byte = this.byte();
    if (byte < 128) return byte;
    let value = byte & 127;
    let factor = 128;
    for (;;) {
      byte = this.byte();
      // The eighth byte holds the last 4 bits of 53.
      if (factor === SAFE_TOP_FACTOR && byte >= 16) {
        throw new MalformedBytes('expected a whole number below 2^53, found a longer one');
      }
      value += (byte & 127) * factor;
      if (byte < 128) return value;
      factor *= 128;
    }
  }

  signedVarint(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** A varint that is at most `max`: a count that memory is taken for, an index into something. */
  varintUpTo(max: number, what: string): number {
    const value = this.varint();
    if (value > max) throw new MalformedBytes(`expected at most ${max} as ${what}, found ${value}`);
    return value;
  }

  text(): string {
    return this.#textOf(this.varintUpTo(this.remaining, 'length of a text'));
  }

  /** As `text`, for those that come again: its number. */
  textId(ids: TextIds): number {
    const length = this.varintUpTo(this.remaining, 'length of a text');
    const found = ids.find(this.#bytes, this.#at, length);
    if (found < 0) return ids.add(this.#textOf(length));
    this.#at += length;
    return found;
  }

  #textOf(length: number): string {
    // Nearly all keys are ASCII: one call then makes the text, where adding up makes a tree to be flattened.
    const bytes = this.#bytes;
    const start = this.#at;
    if (length <= ASCII_MAX) {
      let i = 0;
      while (i < length && bytes[start + i]! < 128) i++;
      if (i === length) {
        this.#at += length;
        return String.fromCharCode.apply(null, bytes.subarray(start, start + length) as unknown as number[]);
      }
    }
    let text = '';
    for (let i = 0; i < length; i++) text += String.fromCharCode(this.varintUpTo(0xffff, 'UTF-16 code unit'));
    return text;
  }

  /** Reverse of ByteWriter.numbers. */
  numbers(into: Float64Array, at: number, count: number): void {
    const bits = this.#at;
    const length = (count + 7) >>> 3;
    this.#need(length);
    this.#at += length;
    for (let i = 0; i < count; i++) {
      const isFloat = (this.#bytes[bits + (i >>> 3)]! >>> (i & 7)) & 1;
      into[at + i] = isFloat === 1 ? this.float64() : this.signedVarint();
    }
  }

  end(): void {
    if (this.remaining > 0) throw new MalformedBytes(`expected the end, found ${this.remaining} more bytes`);
  }

  #need(length: number): void {
    if (this.#at + length > this.#bytes.length) {
      throw new MalformedBytes(`expected ${length} more bytes at ${this.#at}, found the end`);
    }
  }
}

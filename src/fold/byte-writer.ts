import { longerArray } from '../core/longer-array.ts';

/** Whole numbers of smaller magnitude are written as varints. Twice it still is a safe integer. */
export const VARINT_MAGNITUDE_MAX = 2 ** 52 - 1;
const VARINT_BYTES_MAX = 8;
const FLOAT_BYTES = 8;
const FLOAT32_BYTES = 4;
/** Of a UTF-16 code unit as a varint. */
const UNIT_BYTES_MAX = 3;
const SMALL = 2 ** 31;
const KEPT_BYTES_MAX = 1_048_576;

/** Grows as it is written; kept and reset, so that encoding allocates one result and nothing else. */
export class ByteWriter {
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;

  constructor(capacity = 1_024) {
    this.#bytes = new Uint8Array(capacity);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#length;
  }

  /** Forgets what was written, and memory beyond what most writings need. */
  reset(): void {
    this.#length = 0;
    if (this.#bytes.length <= KEPT_BYTES_MAX) return;
    this.#bytes = new Uint8Array(KEPT_BYTES_MAX);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  /** Where it writes: what is there stays, though more may be written to another array. */
  get memory(): Uint8Array {
    return this.#bytes;
  }

  /** What was written, where it lies: until it is reset. */
  written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  uint32(value: number): void {
    this.#reserve(4);
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
  }

  float64(value: number): void {
    this.#reserve(FLOAT_BYTES);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += FLOAT_BYTES;
  }

  /** A whole number from 0 to 2^53 - 1, seven bits a byte, low bits first. */
  varint(value: number): void {
    this.#reserve(VARINT_BYTES_MAX);
    let rest = value;
    while (rest >= SMALL) {
      this.#bytes[this.#length++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    while (rest >= 128) {
      this.#bytes[this.#length++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
  }

  /** A whole number of either sign, at most VARINT_MAGNITUDE_MAX in size: 0, -1, 1, -2, ... become 0, 1, 2, 3, ... */
  signedVarint(value: number): void {
    this.varint(value >= 0 ? value * 2 : -value * 2 - 1);
  }

  /** UTF-16 code units as varints: one byte each for ASCII, and no text that can't be written. */
  text(value: string): void {
    this.varint(value.length);
    this.#reserve(value.length * UNIT_BYTES_MAX);
    for (let i = 0; i < value.length; i++) {
      const unit = value.charCodeAt(i);
      if (unit < 128) this.#bytes[this.#length++] = unit;
      else this.varint(unit);
    }
  }

  float32s(values: Float32Array, at: number, count: number): void {
    this.#reserve(count * FLOAT32_BYTES);
    for (let i = at; i < at + count; i++) {
      this.#view.setFloat32(this.#length, values[i]!, true);
      this.#length += FLOAT32_BYTES;
    }
  }

  bytes(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  /** `count` numbers that are not NaN: a bit for each (1: a double, 0: a varint), then the numbers. */
  numbers(values: Float64Array, at: number, count: number): void {
    this.#reserve((count >>> 3) + 1 + count * VARINT_BYTES_MAX);
    const bits = this.#length;
    this.#length += (count + 7) >>> 3;
    this.#bytes.fill(0, bits, this.#length);
    for (let i = 0; i < count; i++) {
      const value = values[at + i]!;
      // Most slots hold a small count, or a zero beside a whole sum: one byte.
      const small = value | 0;
      if (small === value && small >= 0 && small < 64) {
        this.#bytes[this.#length++] = small << 1;
      } else if (Number.isInteger(value) && Math.abs(value) <= VARINT_MAGNITUDE_MAX) {
        this.signedVarint(value);
      } else {
        this.#bytes[bits + (i >>> 3)]! |= 1 << (i & 7);
        this.float64(value);
      }
    }
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    this.#bytes = longerArray(this.#bytes, Math.max(2 * this.#bytes.length, this.#length + more));
    this.#view = new DataView(this.#bytes.buffer);
  }
}

import { assertInvariant } from '../core/assert-invariant.ts';
import type { FieldType } from '../define/field.ts';

/**
 * PostgreSQL's binary COPY format: an 11-byte signature, two int32, then per row an int16 count of
 * columns and per column an int32 length (-1: null) and the value; an int16 -1 ends it.
 * https://www.postgresql.org/docs/current/sql-copy.html
 */
const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');
export const COPY_HEADER_BYTES = SIGNATURE.length + 8;
/** Microseconds, since 2000-01-01. */
const PG_EPOCH_MS = 946_684_800_000;
const TWO_32 = 4_294_967_296;

/** Type of a column on the wire; `timestamp` is timestamptz, as ms since the Unix epoch on our side. */
export type CopyType = FieldType | 'int4' | 'int8';
export type CopyValue = string | number | boolean | null;

/** Times that timestamptz can hold, ms since the epoch: 4713 BC to the last that JavaScript has. */
export const TIMESTAMP_MS_MIN = -210_863_520_000_000;
export const TIMESTAMP_MS_MAX = 8_640_000_000_000_000;

const INITIAL_BYTES = 65_536;
/** An int16 or int32 length with a fixed-width value. */
const FIXED_BYTES_MAX = 12;
const UTF8_BYTES_PER_UNIT_MAX = 3;

/** Rows in memory, ready for `COPY ... FROM STDIN (FORMAT binary)`. */
export class CopyWriter {
  #buffer = Buffer.allocUnsafe(INITIAL_BYTES);
  #at = COPY_HEADER_BYTES;

  constructor() {
    SIGNATURE.copy(this.#buffer);
    this.#buffer.fill(0, SIGNATURE.length, COPY_HEADER_BYTES);
  }

  startRow(columns: number): void {
    this.#reserve(FIXED_BYTES_MAX);
    this.#at = this.#buffer.writeInt16BE(columns, this.#at);
  }

  add(type: CopyType, value: CopyValue): void {
    if (value === null) {
      this.#reserve(FIXED_BYTES_MAX);
      this.#at = this.#buffer.writeInt32BE(-1, this.#at);
    } else if (type === 'string') this.#addText(value as string);
    else this.#addFixed(type, value);
  }

  /** The whole stream; the writer is done after it. */
  finish(): Buffer {
    this.#reserve(2);
    this.#at = this.#buffer.writeInt16BE(-1, this.#at);
    return this.#buffer.subarray(0, this.#at);
  }

  #addText(text: string): void {
    this.#reserve(4 + text.length * UTF8_BYTES_PER_UNIT_MAX);
    const bytes = this.#buffer.write(text, this.#at + 4);
    this.#buffer.writeInt32BE(bytes, this.#at);
    this.#at += 4 + bytes;
  }

  #addFixed(type: CopyType, value: CopyValue): void {
    this.#reserve(FIXED_BYTES_MAX);
    const buffer = this.#buffer;
    if (type === 'boolean') {
      this.#at = buffer.writeInt32BE(1, this.#at);
      this.#at = buffer.writeUInt8(value === true ? 1 : 0, this.#at);
    } else if (type === 'int4') {
      this.#at = buffer.writeInt32BE(4, this.#at);
      this.#at = buffer.writeInt32BE(value as number, this.#at);
    } else {
      this.#at = buffer.writeInt32BE(8, this.#at);
      if (type === 'number') this.#at = buffer.writeDoubleBE(value as number, this.#at);
      else if (type === 'int8')
        this.#writeInt64(Math.floor((value as number) / TWO_32), (value as number) % TWO_32);
      else this.#writeTime(value as number);
    }
  }

  /** Whole ms to microseconds, in halves: their product can lie beyond 2^53. */
  #writeTime(value: number): void {
    const ms = Math.round(value) - PG_EPOCH_MS;
    const high = Math.floor(ms / TWO_32);
    const low = (ms - high * TWO_32) * 1_000;
    const carry = Math.floor(low / TWO_32);
    this.#writeInt64(high * 1_000 + carry, low - carry * TWO_32);
  }

  /** Much faster than BigInt. */
  #writeInt64(high: number, low: number): void {
    this.#at = this.#buffer.writeInt32BE(high, this.#at);
    this.#at = this.#buffer.writeUInt32BE(low < 0 ? low + TWO_32 : low, this.#at);
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#at + bytes));
    this.#buffer.copy(grown, 0, 0, this.#at);
    this.#buffer = grown;
  }
}

/** Reads the rows of `COPY ... TO STDOUT (FORMAT binary)` as chunks come in, any way they are cut. */
export class CopyReader {
  readonly #types: readonly CopyType[];
  readonly #onRow: (values: readonly CopyValue[]) => void;
  readonly #values: CopyValue[];
  #rest: Buffer = Buffer.alloc(0);
  #started = false;

  /** `onRow` gets one array that is used again for the next row. */
  constructor(types: readonly CopyType[], onRow: (values: readonly CopyValue[]) => void) {
    this.#types = types;
    this.#onRow = onRow;
    this.#values = new Array<CopyValue>(types.length).fill(null);
  }

  push(chunk: Buffer): void {
    const buffer = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    if (!this.#started) {
      if (buffer.length < COPY_HEADER_BYTES) {
        this.#rest = buffer;
        return;
      }
      assertInvariant(
        buffer.subarray(0, SIGNATURE.length).equals(SIGNATURE),
        'Postgres answers COPY in binary',
      );
      at = COPY_HEADER_BYTES;
      this.#started = true;
    }
    for (let next = this.#row(buffer, at); next !== -1; next = this.#row(buffer, at)) at = next;
    this.#rest = buffer.subarray(at);
  }

  /** End of the row that starts at `at`, or -1 where it is not all there, or there is none. */
  #row(buffer: Buffer, start: number): number {
    if (start + 2 > buffer.length || buffer.readInt16BE(start) === -1) return -1;
    let at = start + 2;
    for (let i = 0; i < this.#types.length; i++) {
      if (at + 4 > buffer.length) return -1;
      const bytes = buffer.readInt32BE(at);
      at += 4;
      if (bytes === -1) {
        this.#values[i] = null;
        continue;
      }
      if (at + bytes > buffer.length) return -1;
      this.#values[i] = readValue(buffer, at, bytes, this.#types[i] as CopyType);
      at += bytes;
    }
    this.#onRow(this.#values);
    return at;
  }
}

function readValue(buffer: Buffer, at: number, bytes: number, type: CopyType): CopyValue {
  switch (type) {
    case 'string':
      return buffer.toString('utf8', at, at + bytes);
    case 'number':
      return buffer.readDoubleBE(at);
    case 'boolean':
      return buffer[at] === 1;
    case 'int4':
      return buffer.readInt32BE(at);
    case 'int8':
      return buffer.readInt32BE(at) * TWO_32 + buffer.readUInt32BE(at + 4);
    case 'timestamp':
      return readCopyTime(buffer.readInt32BE(at), buffer.readUInt32BE(at + 4));
  }
}

/** Microseconds in halves to ms, exact where they are whole. */
export function readCopyTime(high: number, low: number): number {
  const thousands = Math.floor(high / 1_000);
  return thousands * TWO_32 + ((high - thousands * 1_000) * TWO_32 + low) / 1_000 + PG_EPOCH_MS;
}

import type { FieldType } from '../define/field.ts';

/**
 * PostgreSQL's binary COPY format: an 11-byte signature, two int32, then per row an int16 count of
 * columns and per column an int32 length (-1: null) and the value; an int16 -1 ends it.
 * https://www.postgresql.org/docs/current/sql-copy.html
 */
export const COPY_SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1');
export const COPY_HEADER_BYTES = COPY_SIGNATURE.length + 8;
/** Microseconds, since 2000-01-01. */
export const COPY_TIME_EPOCH_MS = 946_684_800_000;
const TWO_32 = 4_294_967_296;

/** Type of a column on the wire; `timestamp` is timestamptz, as ms since the Unix epoch on our side. */
export type CopyType = FieldType | 'int4' | 'int8';
export type CopyValue = string | number | boolean | null;

/** Times that timestamptz can hold, ms since the epoch: 4713 BC to the last that JavaScript has. */
export const TIMESTAMP_MS_MIN = -210_863_520_000_000;
export const TIMESTAMP_MS_MAX = 8_640_000_000_000_000;

/** A bound on times of the log that timestamptz can hold: one before all that the log can hold where it can't. */
export const storableBound = (ms: number): number => Math.max(ms, TIMESTAMP_MS_MIN - 1);

const INITIAL_BYTES = 65_536;
/** An int16 or int32 length with a fixed-width value. */
const FIXED_BYTES_MAX = 12;
const UTF8_BYTES_PER_UNIT_MAX = 3;

/** Rows in memory, ready for `COPY ... FROM STDIN (FORMAT binary)`. */
export class CopyWriter {
  #buffer = Buffer.allocUnsafe(INITIAL_BYTES);
  #at = COPY_HEADER_BYTES;

  constructor() {
    COPY_SIGNATURE.copy(this.#buffer);
    this.#buffer.fill(0, COPY_SIGNATURE.length, COPY_HEADER_BYTES);
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
    const ms = Math.round(value) - COPY_TIME_EPOCH_MS;
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

import { assertInvariant } from '../core/assert-invariant.ts';
import { COPY_HEADER_BYTES, readCopyTime } from './copy-binary.ts';

/** Type of a column on the wire and of what it is read into: `text` into strings, all others into numbers, NaN where null. */
export type ColumnType = 'int4' | 'int8' | 'float8' | 'bool' | 'timestamptz' | 'text';
export type Column = Float64Array | (string | null)[];

const INITIAL_ROWS = 16_384;
const TWO_32 = 4_294_967_296;

/**
 * Reads `COPY ... TO STDOUT (FORMAT binary)` into columns as chunks come in, any way they are cut: no object is made
 * per row. Times are ms since the epoch.
 */
export class CopyColumns {
  readonly #types: readonly ColumnType[];
  #columns: Column[];
  #capacity = INITIAL_ROWS;
  #rows = 0;
  #rest: Buffer = Buffer.alloc(0);
  #started = false;

  constructor(types: readonly ColumnType[]) {
    this.#types = types;
    this.#columns = this.#empty();
  }

  get rows(): number {
    return this.#rows;
  }

  /** The rows since the last call; the reader goes on with empty columns. */
  take(): { readonly rows: number; readonly columns: readonly Column[] } {
    const rows = this.#rows;
    const columns = this.#columns.map((column) => (Array.isArray(column) ? column : column.subarray(0, rows)));
    this.#columns = this.#empty();
    this.#rows = 0;
    return { rows, columns };
  }

  push(chunk: Buffer): void {
    const buffer = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    if (!this.#started) {
      if (buffer.length < COPY_HEADER_BYTES) {
        this.#rest = buffer;
        return;
      }
      at = COPY_HEADER_BYTES;
      this.#started = true;
    }
    const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
    for (let next = this.#row(buffer, view, at); next !== -1; next = this.#row(buffer, view, at)) at = next;
    this.#rest = buffer.subarray(at);
  }

  /** End of the row that starts at `at`, or -1 where it is not all there, or there is none. */
  #row(buffer: Buffer, view: DataView, start: number): number {
    const { length } = buffer;
    if (start + 2 > length || view.getInt16(start) === -1) return -1;
    const row = this.#rows;
    if (row === this.#capacity) this.#grow();
    let at = start + 2;
    for (let i = 0; i < this.#types.length; i++) {
      if (at + 4 > length) return -1;
      const bytes = view.getInt32(at);
      at += 4;
      if (bytes > 0 && at + bytes > length) return -1;
      const column = this.#columns[i]!;
      if (Array.isArray(column)) column[row] = bytes === -1 ? null : buffer.toString('utf8', at, at + bytes);
      else column[row] = bytes === -1 ? NaN : readNumber(view, at, this.#types[i]!);
      if (bytes > 0) at += bytes;
    }
    this.#rows = row + 1;
    return at;
  }

  #empty(): Column[] {
    this.#capacity = INITIAL_ROWS;
    return this.#types.map((type): Column => (type === 'text' ? [] : new Float64Array(INITIAL_ROWS)));
  }

  #grow(): void {
    this.#capacity *= 2;
    this.#columns = this.#columns.map((column) => {
      if (Array.isArray(column)) return column;
      const grown = new Float64Array(this.#capacity);
      grown.set(column);
      return grown;
    });
  }
}

function readNumber(view: DataView, at: number, type: ColumnType): number {
  switch (type) {
    case 'float8':
      return view.getFloat64(at);
    case 'int4':
      return view.getInt32(at);
    case 'int8':
      return view.getInt32(at) * TWO_32 + view.getUint32(at + 4);
    case 'bool':
      return view.getUint8(at);
    case 'timestamptz':
      return readCopyTime(view.getInt32(at), view.getUint32(at + 4));
    case 'text':
      return assertInvariant(false, 'texts are read into arrays') as never;
  }
}

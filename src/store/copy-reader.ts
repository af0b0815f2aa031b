import { assertInvariant } from '../core/assert-invariant.ts';
import { COPY_HEADER_BYTES, COPY_SIGNATURE, COPY_TIME_EPOCH_MS, type CopyType, type CopyValue } from './copy-binary.ts';

const TWO_32 = 4_294_967_296;

/** Bytes of one value of a row. */
export interface CopyBytes {
  readonly buffer: Buffer;
  /** The same bytes: numbers are read much faster through it. */
  readonly view: DataView;
}

/** Where the values of rows go, in the order of their columns. */
export interface CopySink {
  /**
   * @param at where the value's bytes begin
   * @param length of the value, bytes; -1: it is null
   */
  value(column: number, bytes: CopyBytes, at: number, length: number): void;
  /** All columns of a row have had their value. A row that was cut off is told again from its first column. */
  endRow(): void;
}

/** Cuts what `COPY ... TO STDOUT (FORMAT binary)` answers into the values of rows as chunks come in, any way they are cut. */
export class CopyReader {
  readonly #columns: number;
  readonly #sink: CopySink;
  #rest: Buffer = Buffer.alloc(0);
  #started = false;

  constructor(columns: number, sink: CopySink) {
    this.#columns = columns;
    this.#sink = sink;
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
        buffer.subarray(0, COPY_SIGNATURE.length).equals(COPY_SIGNATURE),
        'Postgres answers COPY in binary',
      );
      at = COPY_HEADER_BYTES;
      this.#started = true;
    }
    const bytes = { buffer, view: new DataView(buffer.buffer, buffer.byteOffset, buffer.length) };
    for (let next = this.#row(bytes, at); next !== -1; next = this.#row(bytes, at)) at = next;
    this.#rest = buffer.subarray(at);
  }

  /** End of the row that starts at `at`, or -1 where it is not all there, or there is none. */
  #row(bytes: CopyBytes, start: number): number {
    const { view } = bytes;
    const end = view.byteLength;
    if (start + 2 > end || view.getInt16(start) === -1) return -1;
    let at = start + 2;
    for (let column = 0; column < this.#columns; column++) {
      if (at + 4 > end) return -1;
      const length = view.getInt32(at);
      at += 4;
      if (length > 0 && at + length > end) return -1;
      this.#sink.value(column, bytes, at, length);
      if (length > 0) at += length;
    }
    this.#sink.endRow();
    return at;
  }
}

/** Hands rows to `onRow` in one array that is used again for the next row. */
export function copyRows(
  types: readonly CopyType[],
  onRow: (values: readonly CopyValue[]) => void,
): CopyReader {
  const values = new Array<CopyValue>(types.length).fill(null);
  return new CopyReader(types.length, {
    value: (column, bytes, at, length) => {
      values[column] = length === -1 ? null : readValue(bytes, at, length, types[column]!);
    },
    endRow: () => onRow(values),
  });
}

function readValue({ buffer, view }: CopyBytes, at: number, length: number, type: CopyType): CopyValue {
  if (type === 'string') return buffer.toString('utf8', at, at + length);
  const number = readCopyNumber(view, at, type);
  return type === 'boolean' ? number === 1 : number;
}

/** A value that is no text, as a number: booleans are 0 and 1, times ms since the epoch. */
export function readCopyNumber(view: DataView, at: number, type: Exclude<CopyType, 'string'>): number {
  switch (type) {
    case 'number':
      return view.getFloat64(at);
    case 'boolean':
      return view.getUint8(at);
    case 'int4':
      return view.getInt32(at);
    case 'int8':
      return view.getInt32(at) * TWO_32 + view.getUint32(at + 4);
    case 'timestamp':
      return readTime(view.getInt32(at), view.getUint32(at + 4));
  }
}

/** Microseconds in halves to whole ms: what an earlier release wrote of a far year has a rest. */
function readTime(high: number, low: number): number {
  const thousands = Math.floor(high / 1_000);
  return thousands * TWO_32 + Math.round(((high - thousands * 1_000) * TWO_32 + low) / 1_000) + COPY_TIME_EPOCH_MS;
}

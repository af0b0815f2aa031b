import { longerArray } from '../core/longer-array.ts';
import type { CopyType } from './copy-binary.ts';
import { CopyReader, readCopyNumber, type CopyBytes, type CopySink } from './copy-reader.ts';

/** Texts as strings; all else as numbers, NaN where null: booleans are 0 and 1, times ms since the epoch. */
export type Column = Float64Array | (string | null)[];

/** Rows of a block. */
const BLOCK_ROWS = 32_768;
/** Rows that there is room for at first: many answers are short. */
const INITIAL_ROWS = 1_024;

/** Reads `COPY ... TO STDOUT (FORMAT binary)` into columns, a block of rows at a time: no object is made per row. */
export class CopyColumns implements CopySink {
  readonly #types: readonly CopyType[];
  readonly #onBlock: (rows: number, columns: readonly Column[]) => void;
  readonly #reader: CopyReader;
  #capacity = INITIAL_ROWS;
  #columns: Column[];
  #rows = 0;

  constructor(types: readonly CopyType[], onBlock: (rows: number, columns: readonly Column[]) => void) {
    this.#types = types;
    this.#onBlock = onBlock;
    this.#reader = new CopyReader(types.length, this);
    this.#columns = this.#empty();
  }

  push(chunk: Buffer): void {
    this.#reader.push(chunk);
  }

  /** Hands on what is left once all chunks have come. */
  end(): void {
    if (this.#rows > 0) this.#flush();
  }

  value(column: number, { buffer, view }: CopyBytes, at: number, length: number): void {
    const type = this.#types[column]!;
    const into = this.#columns[column]!;
    if (type === 'string') (into as (string | null)[])[this.#rows] = length === -1 ? null : buffer.toString('utf8', at, at + length);
    else (into as Float64Array)[this.#rows] = length === -1 ? NaN : readCopyNumber(view, at, type);
  }

  endRow(): void {
    this.#rows++;
    if (this.#rows < this.#capacity) return;
    if (this.#capacity === BLOCK_ROWS) this.#flush();
    else this.#grow();
  }

  #flush(): void {
    const rows = this.#rows;
    const columns = this.#columns.map((column) => (Array.isArray(column) ? column.slice(0, rows) : column.subarray(0, rows)));
    this.#rows = 0;
    this.#columns = this.#empty();
    this.#onBlock(rows, columns);
  }

  #empty(): Column[] {
    return this.#types.map((type): Column => (type === 'string' ? [] : new Float64Array(this.#capacity)));
  }

  #grow(): void {
    this.#capacity = BLOCK_ROWS;
    this.#columns = this.#columns.map((column) => {
      return Array.isArray(column) ? column : longerArray(column, this.#capacity);
    });
  }
}

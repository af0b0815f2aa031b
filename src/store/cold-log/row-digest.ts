import { createHash } from 'node:crypto';
import type { CopyType, CopyValue } from '../copy-binary.ts';
import { CopyWriter } from '../copy-binary.ts';
import { logMetaTypes } from '../log-table.ts';
import type { ColdColumn } from './cold-columns.ts';

/** Rows that are encoded together; a part of the digest's definition. */
const BLOCK_ROWS = 1_024;

/** sha256 over rows in the bits that Postgres has of them: the same rows in the same order, the same digest, wherever they lie. */
export class RowDigest {
  readonly #types: readonly CopyType[];
  readonly #hash = createHash('sha256');
  #writer = new CopyWriter();
  #rows = 0;

  constructor(columns: readonly ColdColumn[]) {
    this.#types = [...logMetaTypes, ...columns.map(({ type }) => type)];
  }

  get rows(): number {
    return this.#rows;
  }

  add(values: readonly CopyValue[]): void {
    this.#writer.startRow(this.#types.length);
    // -0 counts as 0 everywhere, and a file's dictionary has one of them.
    for (let i = 0; i < this.#types.length; i++) this.#writer.add(this.#types[i]!, values[i] === 0 ? 0 : values[i]!);
    if (++this.#rows % BLOCK_ROWS === 0) this.#flush();
  }

  /** Hex; the digest takes no more rows after it. */
  finish(): string {
    this.#flush();
    return this.#hash.digest('hex');
  }

  #flush(): void {
    this.#hash.update(this.#writer.finish());
    this.#writer = new CopyWriter();
  }
}

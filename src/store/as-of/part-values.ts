import { closeSync, openSync, readSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { assertInvariant } from '../../core/assert-invariant.ts';
import type { ViewProgram } from '../../fold/compile-view.ts';
import type { ViewValues } from './read-chunk.ts';

/** Bytes that a reader takes at a time. */
const READ_BYTES = 65_536;

/** Doubles of a row: the values of each view, and the stale ones among them as bits, for which `GROUP_VIEWS_MAX` leaves room. */
const widthOf = (views: readonly ViewProgram[]): number =>
  views.reduce((sum, view) => sum + view.featureNames.length, 1);

/** Writes rows `from` to one below `to` of a chunk under another name first: a file that is there is whole. */
export async function writePartValues(
  file: string,
  views: readonly ViewProgram[],
  reads: readonly ViewValues[],
  from: number,
  to: number,
): Promise<void> {
  const width = widthOf(views);
  const out = new Float64Array((to - from) * width);
  for (let row = from, at = 0; row < to; row++) {
    let stale = 0;
    for (let v = 0; v < views.length; v++) {
      const count = views[v]!.featureNames.length;
      const { values, stale: isStale } = reads[v]!;
      for (let f = 0; f < count; f++) out[at++] = values[row * count + f]!;
      if (isStale[row] === 1) stale += 2 ** v;
    }
    out[at++] = stale;
  }
  const draft = `${file}.${process.pid}.partial`;
  await writeFile(draft, new Uint8Array(out.buffer));
  await rename(draft, file);
}

/** Reads a part's rows in their order, a block of the file at a time. */
export class PartValuesReader {
  readonly #file: number;
  readonly #width: number;
  readonly #block: Float64Array;
  #at = 0;
  #end = 0;

  constructor(file: string, views: readonly ViewProgram[]) {
    this.#width = widthOf(views);
    const rows = Math.max(1, Math.floor(READ_BYTES / Float64Array.BYTES_PER_ELEMENT / this.#width));
    this.#block = new Float64Array(rows * this.#width);
    this.#file = openSync(file, 'r');
  }

  /** The next row's doubles, valid until the next call. */
  next(): Float64Array {
    if (this.#at === this.#end) {
      const bytes = readSync(this.#file, new Uint8Array(this.#block.buffer));
      this.#at = 0;
      this.#end = bytes / Float64Array.BYTES_PER_ELEMENT;
      assertInvariant(this.#end >= this.#width, 'a part has the values of all of its rows');
    }
    this.#at += this.#width;
    return this.#block.subarray(this.#at - this.#width, this.#at);
  }

  close(): void {
    closeSync(this.#file);
  }
}

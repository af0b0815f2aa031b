/** Rows fall into classes by the first bits of their hash; one of them is looked up while few rows come again. */
const CLASS_BITS = 4;
const CLASSES = 2 ** CLASS_BITS;
/** A look and a place for the row take about a microsecond, a run in a batch some ten: below this share the looks cost more than they save. */
const SPARSE_BELOW = 1 / 64;
const FULL_FROM = 1 / 32;
/** Fewer rows say little of a share so small. */
export const LOOK_WINDOW_ROWS_MIN = 8_192;

/**
 * Decides whether a cache looks a row up. While next to nothing is found, it looks up one class of rows only, by their hash, so that what is
 * asked for again shows as often among them as among all; the class changes, so that no row stays unseen. After the sampled sets by which
 * processors choose how to use a cache (Qureshi et al., "Adaptive Insertion Policies for High Performance Caching", ISCA 2007).
 */
export class LookSampling {
  readonly #windowRows: number;
  #rows = 0;
  #found = 0;
  #class = 0;
  #sparse = false;

  /** @param windowRows rows by which a share is judged: no less than the cache has room for, or what comes again later would never count */
  constructor(windowRows: number) {
    this.#windowRows = windowRows;
  }

  /** Whether one class is looked up only. */
  get isSparse(): boolean {
    return this.#sparse;
  }

  takes(hash: number): boolean {
    return !this.#sparse || hash >>> (32 - CLASS_BITS) === this.#class;
  }

  /** Counts rows of a request, looked up or not, and those of them that were found. */
  count(rows: number, found: number): void {
    this.#rows += rows;
    this.#found += found;
    if (this.#sparse && this.#found >= (FULL_FROM * this.#windowRows) / CLASSES) this.#open(false);
    else if (this.#rows >= this.#windowRows) this.#open(this.#sparse || this.#found < SPARSE_BELOW * this.#rows);
  }

  #open(sparse: boolean): void {
    this.#rows = 0;
    this.#found = 0;
    this.#sparse = sparse;
    this.#class = (this.#class + 1) % CLASSES;
  }
}

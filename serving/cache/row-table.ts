const NONE = -1;

/**
 * Rows of one width in a fixed number of slots, found by their bits: by a hash first, then compared word by word, so that no
 * two rows are ever taken for one. A full table gives up the row that was not asked for longest, about (CLOCK, second
 * chance: Corbató, "A paging experiment with the Multics system", 1968); never one that is held.
 */
export class RowTable {
  readonly rowsMax: number;
  readonly #columns: number;
  readonly #words: Int32Array;
  readonly #hashes: Int32Array;
  /** First slot of each bucket, and the next one after each slot. */
  readonly #heads: Int32Array;
  readonly #next: Int32Array;
  readonly #taken: Uint8Array;
  readonly #asked: Uint8Array;
  readonly #held: Uint8Array;
  #size = 0;
  #hand = 0;

  constructor(columns: number, rowsMax: number) {
    this.#columns = columns;
    this.rowsMax = rowsMax;
    this.#words = new Int32Array(columns * rowsMax);
    this.#hashes = new Int32Array(rowsMax);
    this.#heads = new Int32Array(2 ** Math.ceil(Math.log2(rowsMax + 1))).fill(NONE);
    this.#next = new Int32Array(rowsMax).fill(NONE);
    this.#taken = new Uint8Array(rowsMax);
    this.#asked = new Uint8Array(rowsMax);
    this.#held = new Uint8Array(rowsMax);
  }

  /** Rows in it. */
  get size(): number {
    return this.#size;
  }

  /** The slot of the row whose words begin at `at`; -1 where it has none. */
  find(words: Int32Array, at: number, hash: number): number {
    for (let slot = this.#heads[this.#bucketOf(hash)]!; slot !== NONE; slot = this.#next[slot]!) {
      if (this.#hashes[slot] !== hash || !this.#isAt(slot, words, at)) continue;
      this.#asked[slot] = 1;
      return slot;
    }
    return NONE;
  }

  /** Puts a row that is not there into a slot, in the place of another if need be; -1 where all others are held. */
  put(words: Int32Array, at: number, hash: number): number {
    const slot = this.#free();
    if (slot === NONE) return NONE;
    const first = slot * this.#columns;
    for (let c = 0; c < this.#columns; c++) this.#words[first + c] = words[at + c]!;
    this.#hashes[slot] = hash;
    const bucket = this.#bucketOf(hash);
    this.#next[slot] = this.#heads[bucket]!;
    this.#heads[bucket] = slot;
    this.#taken[slot] = 1;
    this.#asked[slot] = 0;
    this.#size++;
    return slot;
  }

  /** A held row stays until it is let go. */
  hold(slot: number): void {
    this.#held[slot] = 1;
  }

  letGo(slot: number): void {
    this.#held[slot] = 0;
  }

  remove(slot: number): void {
    const bucket = this.#bucketOf(this.#hashes[slot]!);
    if (this.#heads[bucket] === slot) {
      this.#heads[bucket] = this.#next[slot]!;
    } else {
      let before = this.#heads[bucket]!;
      while (this.#next[before] !== slot) before = this.#next[before]!;
      this.#next[before] = this.#next[slot]!;
    }
    this.#taken[slot] = 0;
    this.#held[slot] = 0;
    this.#size--;
  }

  #bucketOf(hash: number): number {
    return hash & (this.#heads.length - 1);
  }

  #isAt(slot: number, words: Int32Array, at: number): boolean {
    const first = slot * this.#columns;
    for (let c = 0; c < this.#columns; c++) if (this.#words[first + c] !== words[at + c]) return false;
    return true;
  }

  /** Two rounds at most: the first takes away every second chance. */
  #free(): number {
    for (let looked = 0; looked < 2 * this.rowsMax; looked++) {
      const slot = this.#hand;
      this.#hand = slot + 1 === this.rowsMax ? 0 : slot + 1;
      if (this.#taken[slot] === 0) return slot;
      if (this.#held[slot] === 1) continue;
      if (this.#asked[slot] === 1) {
        this.#asked[slot] = 0;
        continue;
      }
      this.remove(slot);
      return slot;
    }
    return NONE;
  }
}

/** MurmurHash3 (x86, 32 bits, seed 0, by Austin Appleby, public domain) over `length` words from `at` on. */
export function hashWords(words: Int32Array, at: number, length: number): number {
  let hash = 0;
  for (let i = at; i < at + length; i++) {
    let block = Math.imul(words[i]!, 0xcc9e2d51);
    block = Math.imul((block << 15) | (block >>> 17), 0x1b873593);
    hash ^= block;
    hash = Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64;
  }
  hash ^= length * Int32Array.BYTES_PER_ELEMENT;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

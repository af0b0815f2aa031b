interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Gathers what comes in while a flush is under way into the next one: no timer, no wait when idle,
 * and the busier it is the larger the groups. One flush at a time keeps the order.
 */
export class GroupCommit<Item, Result> {
  readonly #flush: (items: readonly Item[]) => Promise<readonly Result[]>;
  readonly #weightOf: (item: Item) => number;
  readonly #weightMax: number;
  readonly #waiting: Waiting<Item, Result>[] = [];
  #running = false;

  /**
   * @param flush answers one result for each item, in order; its error goes to every item
   * @param weightMax a group ends before it gets heavier, unless one item alone is
   */
  constructor(
    flush: (items: readonly Item[]) => Promise<readonly Result[]>,
    weightOf: (item: Item) => number,
    weightMax: number,
  ) {
    this.#flush = flush;
    this.#weightOf = weightOf;
    this.#weightMax = weightMax;
  }

  add(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (this.#running) return;
      this.#running = true;
      // After the input that is being handled now: its other batches join this group.
      setImmediate(() => void this.#run());
    });
  }

  async #run(): Promise<void> {
    for (let group = this.#next(); group.length > 0; group = this.#next()) {
      try {
        const results = await this.#flush(group.map(({ item }) => item));
        group.forEach(({ resolve }, i) => resolve(results[i] as Result));
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    this.#running = false;
  }

  #next(): Waiting<Item, Result>[] {
    let weight = 0;
    let count = 0;
    for (const { item } of this.#waiting) {
      weight += this.#weightOf(item);
      if (count > 0 && weight > this.#weightMax) break;
      count++;
    }
    return this.#waiting.splice(0, count);
  }
}

/** Something that came and is to be served. */
export interface Served {
  serve(): void;
}

/**
 * Serves what comes at once, until a turn of the event loop has done so for as long as it may; what is left has the next turns,
 * in the order in which it came. Node serves all that the kernel has in one turn, which under overload is thousands of requests:
 * a model that runs a batch a turn would hardly run, and all its time would go into reading what it can't answer.
 */
export class FairTurns {
  readonly #turnMs: number;
  #waiting: Served[] = [];
  #first = 0;
  #isScheduled = false;
  #endsAt = 0;

  /** @param turnMs for which a turn serves; at least one has its turn */
  constructor(turnMs: number) {
    this.#turnMs = turnMs;
  }

  /** Serves it now or in one of the next turns. */
  take(served: Served): void {
    if (!this.#isScheduled) this.#begin();
    if (this.#first === this.#waiting.length && performance.now() < this.#endsAt) served.serve();
    else this.#waiting.push(served);
  }

  #begin(): void {
    this.#isScheduled = true;
    this.#endsAt = performance.now() + this.#turnMs;
    setImmediate(() => this.#next());
  }

  #next(): void {
    this.#isScheduled = false;
    if (this.#first === this.#waiting.length) return;
    this.#begin();
    do this.#waiting[this.#first++]!.serve();
    while (this.#first < this.#waiting.length && performance.now() < this.#endsAt);
    // What was served is let go once it is half of the list: to shift one by one would move the rest each time.
    if (this.#first * 2 < this.#waiting.length) return;
    this.#waiting = this.#waiting.slice(this.#first);
    this.#first = 0;
  }
}

interface Span {
  readonly from: number;
  readonly to: number;
}

/** How long at least one of several spans of time lasted: batches of one request run side by side. */
export class BusyTime {
  /** Apart from each other, in their order. */
  readonly #spans: Span[] = [];

  /** @param to not before the ends of those before it */
  add(from: number, to: number): void {
    let start = from;
    for (let last = this.#spans.at(-1); last !== undefined && last.to >= start; last = this.#spans.at(-1)) {
      start = Math.min(start, last.from);
      this.#spans.pop();
    }
    this.#spans.push({ from: start, to });
  }

  get total(): number {
    return this.#spans.reduce((sum, { from, to }) => sum + to - from, 0);
  }
}

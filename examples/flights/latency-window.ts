/** Latencies of the newest requests, milliseconds: a ring, so that the board shows what is, not what was. */
export class LatencyWindow {
  readonly #values: Float64Array;
  #count = 0;

  constructor(size = 4_096) {
    this.#values = new Float64Array(size);
  }

  add(ms: number): void {
    this.#values[this.#count % this.#values.length] = ms;
    this.#count++;
  }

  /** Null before the first request. */
  quantile(q: number): number | null {
    const size = Math.min(this.#count, this.#values.length);
    if (size === 0) return null;
    const sorted = this.#values.slice(0, size).sort();
    return sorted[Math.min(size - 1, Math.floor(q * size))] ?? null;
  }
}

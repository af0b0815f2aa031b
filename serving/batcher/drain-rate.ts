/** Weight of the newest batch in the moving averages. */
const NEWEST_WEIGHT = 0.2;
const RETRY_AFTER_SECONDS_MAX = 60;

/** What the last batches took: how long the next will, and how fast a queue of rows drains. */
export class DrainRate {
  #batchMs: number;
  #rowsPerMs: number;

  /** @param batchMs time of a full batch of `batchRows`, as the warm-up measured it. */
  constructor(batchMs: number, batchRows: number) {
    this.#batchMs = batchMs;
    this.#rowsPerMs = batchRows / Math.max(batchMs, Number.EPSILON);
  }

  observe(rows: number, tookMs: number): void {
    const ms = Math.max(tookMs, Number.EPSILON);
    this.#batchMs += NEWEST_WEIGHT * (ms - this.#batchMs);
    this.#rowsPerMs += NEWEST_WEIGHT * (rows / ms - this.#rowsPerMs);
  }

  /** Expected milliseconds of one batch. */
  get batchMs(): number {
    return this.#batchMs;
  }

  /** Whole seconds until `rows` rows will have drained, at least 1. */
  retryAfterSeconds(rows: number): number {
    const seconds = Math.ceil(rows / this.#rowsPerMs / 1_000);
    return Math.min(Math.max(1, seconds), RETRY_AFTER_SECONDS_MAX);
  }
}

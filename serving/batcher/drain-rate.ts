/** Weight of the newest batch in the moving averages. */
const NEWEST_WEIGHT = 0.2;
const RETRY_AFTER_SECONDS_MAX = 60;
/** Batches of which the fastest is remembered. */
const RECENT_BATCHES = 32;

/** What the last batches took: how long the next will, and how fast a queue of rows drains. */
export class DrainRate {
  #batchMs: number;
  #rowsPerMs: number;
  readonly #instances: number;
  /** A ring of the last batches' times. */
  readonly #recentMs: number[];
  #batches = 0;

  /**
   * @param batchMs time of a full batch of `batchRows`, as the warm-up measured it
   * @param instances batches that run at one time
   */
  constructor(batchMs: number, batchRows: number, instances = 1) {
    this.#batchMs = batchMs;
    this.#rowsPerMs = batchRows / Math.max(batchMs, Number.EPSILON);
    this.#instances = instances;
    this.#recentMs = [];
  }

  observe(rows: number, tookMs: number): void {
    const ms = Math.max(tookMs, Number.EPSILON);
    this.#batchMs += NEWEST_WEIGHT * (ms - this.#batchMs);
    this.#rowsPerMs += NEWEST_WEIGHT * (rows / ms - this.#rowsPerMs);
    this.#recentMs[this.#batches++ % RECENT_BATCHES] = tookMs;
  }

  /** Expected milliseconds of one batch. */
  get batchMs(): number {
    return this.#batchMs;
  }

  /** Milliseconds of the fastest of the last batches: no batch is expected to take less. 0 before the first. */
  get fastestMs(): number {
    return this.#batches === 0 ? 0 : Math.min(...this.#recentMs);
  }

  /** Whole seconds until `rows` rows will have drained, at least 1. */
  retryAfterSeconds(rows: number): number {
    const seconds = Math.ceil(rows / (this.#rowsPerMs * this.#instances) / 1_000);
    return Math.min(Math.max(1, seconds), RETRY_AFTER_SECONDS_MAX);
  }
}

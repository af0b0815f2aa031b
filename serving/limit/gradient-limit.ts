export interface GradientLimitOptions {
  readonly initial: number;
  readonly min: number;
  readonly max: number;
}

/** What the requests that ended in one window tell. */
export interface LimitWindow {
  /** Of all of them together, ms. */
  readonly latencyMs: number;
  /** How much of that they waited for a batch, ms. */
  readonly waitedMs: number;
  /** The most that were under way at one time. */
  readonly inFlightMax: number;
}

/** Latency may be this many times what it would be without waiting: one batch runs, one waits. */
const TOLERANCE = 2;
/** The most that one window takes off before smoothing. */
const GRADIENT_MIN = 0.5;
/** Weight of the newest window. */
const SMOOTHING = 0.2;

/**
 * How many requests may be under way at one time, from their latency: the gradient limit of Netflix's concurrency-limits
 * (Gradient2), with the head-room of Envoy's adaptive concurrency (the root of the limit). Both guess the latency of an empty
 * system, from a long average or by emptying it now and then; here the batcher measures what every request waited, so the
 * gradient is `TOLERANCE * (latency - waited) / latency` of one and the same window: it neither drifts in a long overload nor
 * needs a pause to measure. It settles where about one batch waits for each that runs.
 */
export class GradientLimit {
  readonly #options: GradientLimitOptions;
  #limit: number;

  constructor(options: GradientLimitOptions) {
    this.#options = options;
    this.#limit = this.#bounded(options.initial);
  }

  /** Whole requests. */
  get limit(): number {
    return Math.floor(this.#limit);
  }

  update({ latencyMs, waitedMs, inFlightMax }: LimitWindow): void {
    // What was not half used is neither too much nor too little.
    if (latencyMs <= 0 || inFlightMax < this.#limit / 2) return;
    const gradient = Math.min(1, Math.max(GRADIENT_MIN, (TOLERANCE * (latencyMs - waitedMs)) / latencyMs));
    const wanted = this.#limit * gradient + Math.sqrt(this.#limit);
    this.#limit = this.#bounded(this.#limit * (1 - SMOOTHING) + wanted * SMOOTHING);
  }

  #bounded(limit: number): number {
    return Math.min(this.#options.max, Math.max(this.#options.min, limit));
  }
}

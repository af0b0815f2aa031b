import { isMillraceError, MillraceError } from '../../src/core/millrace-error.ts';
import { priorityShare, type Priority } from '../batcher/priority.ts';
import type { Timers } from '../batcher/timers.ts';
import type { GradientLimit } from './gradient-limit.ts';

export interface ConcurrencyLimiterOptions {
  readonly model: string;
  /** Null lets any number in, and counts them. */
  readonly limit: GradientLimit | null;
  readonly timers: Timers;
}

/** Tells how long a request waited for its batch, ms. */
export type NoteWait = (waitedMs: number) => void;

/** A window is closed by the first request that ends after both. */
const WINDOW_MS_MIN = 100;
const WINDOW_REQUESTS_MIN = 10;
const RETRY_AFTER_SECONDS_MAX = 60;
const MS_PER_SECOND = 1_000;

/** Requests whose time was spent in vain: all of it was waiting. */
const lateCodes: readonly string[] = ['SERVING_DEADLINE_EXCEEDED', 'SERVING_CANCELLED'];

/**
 * Lets so many requests of one model onto the whole path at one time as its latency allows. Each level of priority has its share
 * of them for itself; what it leaves, others use.
 */
export class ConcurrencyLimiter {
  readonly #options: ConcurrencyLimiterOptions;
  readonly #inFlightOf: Record<Priority, number> = { high: 0, normal: 0, low: 0 };
  #inFlight = 0;
  #openedAt: number;
  #requests = 0;
  #latencyMs = 0;
  #waitedMs = 0;
  #inFlightMax = 0;
  #meanMs = 0;

  constructor(options: ConcurrencyLimiterOptions) {
    this.#options = options;
    this.#openedAt = options.timers.now();
  }

  /** Null where there is none. */
  get limit(): number | null {
    return this.#options.limit?.limit ?? null;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** @throws SERVING_OVERLOADED where too many are under way; what the work throws */
  async run<T>(priority: Priority = 'normal', work: (noteWait: NoteWait) => Promise<T>): Promise<T> {
    this.#assertRoom(priority);
    const { timers } = this.#options;
    const startedAt = timers.now();
    let waitedMs = 0;
    this.#inFlight++;
    this.#inFlightOf[priority]++;
    this.#inFlightMax = Math.max(this.#inFlightMax, this.#inFlight);
    try {
      const answer = await work((ms) => {
        waitedMs = ms;
      });
      this.#observe(timers.now() - startedAt, waitedMs);
      return answer;
    } catch (error) {
      const elapsedMs = timers.now() - startedAt;
      if (isMillraceError(error) && lateCodes.includes(error.code)) this.#observe(elapsedMs, elapsedMs);
      throw error;
    } finally {
      this.#inFlight--;
      this.#inFlightOf[priority]--;
    }
  }

  #assertRoom(priority: Priority): void {
    const { limit: gradient, model } = this.#options;
    if (gradient === null) return;
    const { limit } = gradient;
    const own = Math.max(1, Math.floor(limit * priorityShare(priority)));
    if (this.#inFlight < limit || this.#inFlightOf[priority] < own) return;
    const retryAfterSeconds = Math.min(RETRY_AFTER_SECONDS_MAX, Math.max(1, Math.ceil(this.#meanMs / MS_PER_SECOND)));
    throw new MillraceError(
      'SERVING_OVERLOADED',
      `Model '${model}' takes no more requests for now: ${this.#inFlight} are under way, and its latency allows ${limit}. Try again in ${retryAfterSeconds} s.`,
      { details: { retryAfterSeconds } },
    );
  }

  #observe(latencyMs: number, waitedMs: number): void {
    const { limit, timers } = this.#options;
    if (limit === null) return;
    this.#requests++;
    this.#latencyMs += latencyMs;
    this.#waitedMs += Math.min(waitedMs, latencyMs);
    if (this.#requests < WINDOW_REQUESTS_MIN || timers.now() - this.#openedAt < WINDOW_MS_MIN) return;
    limit.update({ latencyMs: this.#latencyMs, waitedMs: this.#waitedMs, inFlightMax: this.#inFlightMax });
    this.#meanMs = this.#latencyMs / this.#requests;
    this.#openedAt = timers.now();
    this.#requests = 0;
    this.#latencyMs = 0;
    this.#waitedMs = 0;
    this.#inFlightMax = this.#inFlight;
  }
}

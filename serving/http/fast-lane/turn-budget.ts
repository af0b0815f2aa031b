import type { Timers } from '../../batcher/timers.ts';

/** How long after a turn that was too long the next one still counts as its successor. */
const SUCCESSION_MS = 1_000;
/** Requests that every turn may take: where the machine is slow and not the load high, it is no help to refuse. */
export const TURN_REQUESTS_MIN = 256;

/**
 * Tells where requests come faster than they can be read. What is read in one turn of the event loop is answered after it, and who
 * comes meanwhile waits unread in the kernel, where no queue of ours sees it: the length of the turn is what all of them wait. In a turn that
 * follows one that was longer than its limit, what is left to read beyond the limit is too much. One long turn alone may be a pause.
 */
export class TurnBudget {
  readonly #limitMs: number;
  readonly #timers: Pick<Timers, 'now' | 'soon'>;
  #startedAt: number | undefined;
  #requests = 0;
  #longAt = Number.NEGATIVE_INFINITY;
  #isSuccessor = false;

  constructor(limitMs: number, timers: Pick<Timers, 'now' | 'soon'>) {
    this.#limitMs = limitMs;
    this.#timers = timers;
  }

  /** Whether the request at hand is more than this turn may take; to be asked for each. */
  isSpent(): boolean {
    const now = this.#timers.now();
    if (this.#startedAt === undefined) this.#begin(now);
    this.#requests++;
    return this.#isSuccessor && this.#requests > TURN_REQUESTS_MIN && now - this.#startedAt! > this.#limitMs;
  }

  #begin(startedAt: number): void {
    this.#startedAt = startedAt;
    this.#requests = 0;
    this.#isSuccessor = startedAt - this.#longAt < SUCCESSION_MS;
    this.#timers.soon(() => {
      const endedAt = this.#timers.now();
      this.#longAt = endedAt - startedAt > this.#limitMs ? endedAt : Number.NEGATIVE_INFINITY;
      this.#startedAt = undefined;
    });
  }
}

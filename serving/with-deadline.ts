import { MillraceError } from '../src/core/millrace-error.ts';
import type { Timers } from './batcher/timers.ts';

const NOT_READ = 'Features were not read by the deadline. Allow more time, or look at Redis.';

/** The value, or SERVING_DEADLINE_EXCEEDED with `why` where it is not there by the deadline; the work goes on. */
export function withDeadline<T>(work: Promise<T>, deadline: number, timers: Timers, why = NOT_READ): Promise<T> {
  let watch = watches.get(timers);
  if (watch === undefined) watches.set(timers, (watch = new DeadlineWatch(timers)));
  return watch.meet(work, deadline, why);
}

const watches = new WeakMap<Timers, DeadlineWatch>();

interface Awaited {
  readonly deadline: number;
  readonly why: string;
  readonly reject: (error: MillraceError) => void;
}

/** One timer for all that is awaited: it goes off at the earliest deadline, and looks for the next. A timer each costs more than most of what has one. */
class DeadlineWatch {
  readonly #timers: Timers;
  readonly #awaited = new Set<Awaited>();
  #expiryAt = Infinity;
  #cancelExpiry: () => void = () => undefined;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  meet<T>(work: Promise<T>, deadline: number, why: string): Promise<T> {
    return new Promise((resolve, reject) => {
      const awaited: Awaited = { deadline, why, reject };
      this.#awaited.add(awaited);
      this.#watch(deadline);
      work.then(
        (value) => {
          this.#forget(awaited);
          // A timer fires a millisecond late at best: work that is quicker than that has not made an earlier deadline.
          if (this.#timers.now() > deadline) reject(exceeded(why));
          else resolve(value);
        },
        (error: Error) => {
          this.#forget(awaited);
          reject(error);
        },
      );
    });
  }

  #forget(awaited: Awaited): void {
    this.#awaited.delete(awaited);
    if (this.#awaited.size > 0) return;
    this.#cancelExpiry();
    this.#expiryAt = Infinity;
  }

  #watch(deadline: number): void {
    if (deadline >= this.#expiryAt) return;
    this.#cancelExpiry();
    this.#expiryAt = deadline;
    this.#cancelExpiry = this.#timers.after(Math.max(0, deadline - this.#timers.now()), () => this.#expire());
  }

  #expire(): void {
    this.#expiryAt = Infinity;
    const now = this.#timers.now();
    let earliest = Infinity;
    for (const awaited of this.#awaited) {
      if (awaited.deadline > now) earliest = Math.min(earliest, awaited.deadline);
      else {
        this.#awaited.delete(awaited);
        awaited.reject(exceeded(awaited.why));
      }
    }
    if (earliest !== Infinity) this.#watch(earliest);
  }
}

const exceeded = (why: string): MillraceError => new MillraceError('SERVING_DEADLINE_EXCEEDED', why);

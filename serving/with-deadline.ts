import { MillraceError } from '../src/core/millrace-error.ts';
import type { Timers } from './batcher/timers.ts';

const NOT_READ = 'Features were not read by the deadline. Allow more time, or look at Redis.';

/** The value, or SERVING_DEADLINE_EXCEEDED with `why` where it is not there by the deadline; the work goes on. */
export function withDeadline<T>(work: Promise<T>, deadline: number, timers: Timers, why = NOT_READ): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = timers.after(Math.max(0, deadline - timers.now()), () => reject(exceeded(why)));
    work.then(
      (value) => {
        cancel();
        // A timer fires a millisecond late at best: work that is quicker than that has not made an earlier deadline.
        if (timers.now() > deadline) reject(exceeded(why));
        else resolve(value);
      },
      (error: Error) => {
        cancel();
        reject(error);
      },
    );
  });
}

const exceeded = (why: string): MillraceError => new MillraceError('SERVING_DEADLINE_EXCEEDED', why);

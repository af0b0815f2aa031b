import type { Deadline } from '@grpc/grpc-js';
import { MillraceError } from '../../src/core/millrace-error.ts';
import { Departure } from '../batcher/departure.ts';

/**
 * Ms that a call has left, at most `timeoutMsMax`; undefined where it has no deadline, and the setting for requests without one holds.
 * @throws MillraceError SERVING_DEADLINE_EXCEEDED
 */
export function callTimeout(deadline: Deadline, now: number, timeoutMsMax: number): number | undefined {
  const at = Number(deadline);
  if (at === Infinity) return undefined;
  if (at > now) return Math.min(at - now, timeoutMsMax);
  throw new MillraceError(
    'SERVING_DEADLINE_EXCEEDED',
    `The call's deadline had passed ${now - at} ms ago when it came. Allow more time, or look at the clocks of both sides.`,
  );
}

/**
 * The same for a request of a stream, whose deadline is for all of them: it counts once less is left than any request may take.
 * @throws MillraceError SERVING_DEADLINE_EXCEEDED
 */
export function streamTimeout(deadline: Deadline, now: number, timeoutMsMax: number): number | undefined {
  const left = callTimeout(deadline, now, timeoutMsMax);
  return left === timeoutMsMax ? undefined : left;
}

/** Of any kind. */
interface Call {
  readonly cancelled: boolean;
  once(event: 'cancelled', listener: () => void): unknown;
}

/** When the caller cancels, goes away or has no time left. */
export function departureOf(call: Call): Departure {
  const departure = new Departure();
  if (call.cancelled) departure.leave();
  else call.once('cancelled', () => departure.leave());
  return departure;
}

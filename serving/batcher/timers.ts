/** Time as the batcher sees it: an argument, so that tests can run it in virtual time. */
export interface Timers {
  /** Monotonic milliseconds. */
  now(): number;
  /** Calls back at the end of the present turn of the event loop. */
  soon(callback: () => void): void;
  /** Calls back after `delayMs`; the answer cancels it. */
  after(delayMs: number, callback: () => void): () => void;
}

export const systemTimers: Timers = {
  now: () => performance.now(),
  soon: (callback) => {
    setImmediate(callback);
  },
  after: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => {
      clearTimeout(timer);
    };
  },
};

/**
 * Named moments of the event path. A test hands in a function that fails, ends the process or holds the
 * step; in production there are none.
 */
export interface Failpoints {
  /** Frames and dead letters are acknowledged, the offline log does not have the batch. */
  readonly afterFramesSent?: () => void | Promise<void>;
  /** The offline log has the batch, the consumer does not know it. */
  readonly afterLogCommitted?: () => void | Promise<void>;
  /** Derived events are acknowledged, their position has not moved. */
  readonly afterDerivedSent?: () => void | Promise<void>;
  /** Postgres has the position of a derived source, the deriver does not know it. */
  readonly afterDerivedCounted?: () => void | Promise<void>;
  /** Frames are folded in memory, Redis does not have the states. */
  readonly beforeStatesWritten?: () => void | Promise<void>;
  /** Redis has the states, the consumer does not know it. */
  readonly afterStatesWritten?: () => void | Promise<void>;
}

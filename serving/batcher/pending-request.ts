import type { RowsTrace } from '../request-trace.ts';
import type { Timers } from './timers.ts';

/** The scores of one request, in the order of its rows, and where its time went. */
export interface BatchAnswer {
  readonly scores: Float32Array;
  /** Milliseconds spent waiting for a batch to start. */
  readonly queueMs: number;
  /** Milliseconds of the batches that carried its rows, hand-over included. */
  readonly computeMs: number;
}

/** A request between its submission and its answer. Settles once; what comes later is dropped. */
export class PendingRequest {
  readonly deadline: number;
  readonly answer: Promise<BatchAnswer>;
  /** Of a request that is recorded. */
  readonly trace: RowsTrace | undefined;
  settled = false;
  readonly #scores: Float32Array;
  readonly #timers: Timers;
  readonly #submittedAt: number;
  #rowsMissing: number;
  #computeMs = 0;
  #resolve!: (answer: BatchAnswer) => void;
  #reject!: (error: unknown) => void;

  constructor(rows: number, deadline: number, timers: Timers, trace?: RowsTrace) {
    this.deadline = deadline;
    this.trace = trace;
    this.#scores = new Float32Array(rows);
    this.#rowsMissing = rows;
    this.#timers = timers;
    this.#submittedAt = timers.now();
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Takes the scores of some of its rows; answers when none is missing. */
  receive(firstRow: number, scores: Float32Array, computeMs: number): void {
    if (this.settled) return;
    this.#scores.set(scores, firstRow);
    this.#rowsMissing -= scores.length;
    this.#computeMs += computeMs;
    if (this.#rowsMissing > 0) return;
    this.settled = true;
    const totalMs = this.#timers.now() - this.#submittedAt;
    this.#resolve({
      scores: this.#scores,
      queueMs: Math.max(0, totalMs - this.#computeMs),
      computeMs: this.#computeMs,
    });
  }

  fail(error: unknown): void {
    if (this.settled) return;
    this.settled = true;
    this.#reject(error);
  }
}

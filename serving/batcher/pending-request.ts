import type { RowsTrace } from '../request-trace.ts';
import type { WriteRow } from './write-row.ts';
import type { Priority } from './priority.ts';
import type { Timers } from './timers.ts';

/** The scores of one request, in the order of its rows, and where its time went. */
export interface BatchAnswer {
  readonly scores: Float32Array;
  /** Milliseconds spent waiting for a batch to start. */
  readonly queueMs: number;
  /** Milliseconds of the batches that carried its rows, hand-over included. */
  readonly computeMs: number;
}

export interface PendingRequestOptions {
  readonly rows: number;
  readonly write: WriteRow;
  /** On the scale of `timers.now()`. */
  readonly deadline: number;
  readonly priority: Priority;
  readonly timers: Timers;
  readonly trace?: RowsTrace | undefined;
}

/** A request between its submission and its answer. Settles once; what comes later is dropped. */
export class PendingRequest {
  readonly write: WriteRow;
  readonly deadline: number;
  readonly priority: Priority;
  readonly submittedAt: number;
  readonly answer: Promise<BatchAnswer>;
  /** Of a request that is recorded. */
  readonly trace: RowsTrace | undefined;
  settled = false;
  /** First row that no batch has yet. */
  nextRow = 0;
  /** Whether rows of it wait in the queue, which keeps this and the two neighbours. */
  queued = false;
  before: PendingRequest | null = null;
  after: PendingRequest | null = null;
  readonly #scores: Float32Array;
  readonly #timers: Timers;
  #rowsMissing: number;
  #computeMs = 0;
  #resolve!: (answer: BatchAnswer) => void;
  #reject!: (error: unknown) => void;

  constructor({ rows, write, deadline, priority, timers, trace }: PendingRequestOptions) {
    this.write = write;
    this.deadline = deadline;
    this.priority = priority;
    this.trace = trace;
    this.#scores = new Float32Array(rows);
    this.#rowsMissing = rows;
    this.#timers = timers;
    this.submittedAt = timers.now();
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Rows that no batch has yet. */
  get rowsWaiting(): number {
    return this.#scores.length - this.nextRow;
  }

  /** Takes the scores of some of its rows; answers when none is missing. */
  receive(firstRow: number, scores: Float32Array, computeMs: number): void {
    if (this.settled) return;
    this.#scores.set(scores, firstRow);
    this.#rowsMissing -= scores.length;
    this.#computeMs += computeMs;
    if (this.#rowsMissing > 0) return;
    this.settled = true;
    const totalMs = this.#timers.now() - this.submittedAt;
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

import type { RowsTrace } from '../request-trace.ts';
import { BusyTime } from './busy-time.ts';
import type { WriteRow } from './write-row.ts';
import type { Priority } from './priority.ts';
import type { Timers } from './timers.ts';

/** The scores of one request, in the order of its rows, and where its time went. */
export interface BatchAnswer {
  readonly scores: Float32Array;
  /** Milliseconds spent waiting for a batch to start. */
  readonly queueMs: number;
  /** Milliseconds in which batches that carried its rows ran, hand-over included. */
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
  /** Of the batches before the last, where it is of several. */
  #busy: BusyTime | undefined;
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
  receive(firstRow: number, scores: Float32Array, startedAt: number, endedAt: number): void {
    if (this.settled) return;
    this.#scores.set(scores, firstRow);
    this.#rowsMissing -= scores.length;
    if (this.#rowsMissing > 0 || this.#busy !== undefined) (this.#busy ??= new BusyTime()).add(startedAt, endedAt);
    if (this.#rowsMissing > 0) return;
    this.settled = true;
    const computeMs = this.#busy?.total ?? endedAt - startedAt;
    const totalMs = this.#timers.now() - this.submittedAt;
    this.#resolve({ scores: this.#scores, queueMs: Math.max(0, totalMs - computeMs), computeMs });
  }

  fail(error: unknown): void {
    if (this.settled) return;
    this.settled = true;
    this.#reject(error);
  }
}

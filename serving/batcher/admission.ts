import { MillraceError } from '../../src/core/millrace-error.ts';
import type { DrainRate } from './drain-rate.ts';
import type { FairQueue } from './fair-queue.ts';
import { priorities, priorityShare, type Priority } from './priority.ts';

export interface AdmissionOptions {
  /** Model and version, for messages. */
  readonly label: string;
  readonly batchRowsMax: number;
  readonly queueRowsMax: number;
  readonly instances: number;
}

/** Whether a batcher takes a request into its queue. */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #queue: FairQueue;
  readonly #drainRate: DrainRate;

  constructor(options: AdmissionOptions, queue: FairQueue, drainRate: DrainRate) {
    this.#options = options;
    this.#queue = queue;
    this.#drainRate = drainRate;
  }

  /**
   * @param leftMs time until the deadline
   * @param idle instances that run nothing
   * @throws SERVING_DEADLINE_EXCEEDED where the rows can't be scored in that time
   */
  assertInTime(rows: number, priority: Priority, leftMs: number, idle: number): void {
    const waitMs = this.#startsAtOnce(rows, idle) ? 0 : this.#expectedMs(rows, priority);
    if (leftMs > 0 && waitMs <= leftMs) return;
    throw new MillraceError(
      'SERVING_DEADLINE_EXCEEDED',
      `Prediction by ${this.#options.label} was refused: it needs about ${Math.ceil(waitMs)} ms with the queue as it is, ` +
        `and ${Math.max(0, Math.floor(leftMs))} ms were left. Allow more time, or add serving processes.`,
    );
  }

  /**
   * Makes room in a full queue for a level that has less than its share of it: the last requests of the level that is furthest
   * above its own are pushed out, so that no level is kept out by others.
   * @throws SERVING_OVERLOADED, REQUEST_INVALID for rows that no queue would hold
   */
  makeRoom(rows: number, priority: Priority): void {
    const { queueRowsMax, label } = this.#options;
    if (rows > queueRowsMax) {
      throw new MillraceError(
        'REQUEST_INVALID',
        `Prediction by ${label} was refused: expected at most ${queueRowsMax} rows, which is what its queue holds, found ${rows}. Split the request.`,
      );
    }
    if (this.#queue.rows + rows <= queueRowsMax) return;
    if (this.#queue.rowsOf(priority) + rows > this.#shareOf(priority)) throw this.#overloaded('was refused');
    while (this.#queue.rows + rows > queueRowsMax) {
      const last = this.#queue.lastOf(this.#furthestAboveShare());
      if (last === null) return;
      this.#queue.remove(last);
      last.fail(this.#overloaded(`gave its place to one of priority '${priority}'`));
    }
  }

  #shareOf(priority: Priority): number {
    return priorityShare(priority) * this.#options.queueRowsMax;
  }

  #furthestAboveShare(): Priority {
    const above = (priority: Priority): number => this.#queue.rowsOf(priority) - this.#shareOf(priority);
    return priorities.reduce((furthest, priority) => (above(priority) > above(furthest) ? priority : furthest));
  }

  /** An idle session always gets its chance, or one slow batch would make every later request look hopeless. */
  #startsAtOnce(rows: number, idle: number): boolean {
    return idle > 0 && (this.#queue.rows === 0 || this.#queue.rows + rows <= idle * this.#options.batchRowsMax);
  }

  /** Time of the batches until the rows are scored; what is left of those that run is not known, and not counted. */
  #expectedMs(rows: number, priority: Priority): number {
    const { batchRowsMax, instances } = this.#options;
    const batches = Math.ceil(this.#queue.rowsUntil(priority, rows) / batchRowsMax);
    return Math.ceil(batches / instances) * this.#drainRate.batchMs;
  }

  #overloaded(what: string): MillraceError {
    const { queueRowsMax, label } = this.#options;
    const queued = this.#queue.rows;
    const retryAfterSeconds = this.#drainRate.retryAfterSeconds(queued);
    return new MillraceError(
      'SERVING_OVERLOADED',
      `Prediction by ${label} ${what}: ${queued} rows wait and at most ${queueRowsMax} may. Try again in ${retryAfterSeconds} s.`,
      { details: { retryAfterSeconds } },
    );
  }
}

import { isMillraceError, MillraceError } from '../../src/core/millrace-error.ts';
import { inSpan, startBatchSpan, type Span, type Tracer } from '../../src/infra/tracing.ts';
import type { RowsTrace } from '../request-trace.ts';
import { Admission, type AdmissionOptions } from './admission.ts';
import { BatchTensor, type Part } from './batch-tensor.ts';
import type { Departure } from './departure.ts';
import { DrainRate } from './drain-rate.ts';
import { FairQueue } from './fair-queue.ts';
import { isolateFailure } from './isolate-failure.ts';
import { PendingRequest, type BatchAnswer } from './pending-request.ts';
import type { Priority } from './priority.ts';
import type { Timers } from './timers.ts';
import type { WriteRow } from './write-row.ts';

/** Times that a batch is run again after its session was lost. */
const SESSION_LOST_RETRIES = 1;

/** Who asks, as far as it matters to those who wait together. */
export interface Caller {
  /** `normal`, where absent. */
  readonly priority?: Priority | undefined;
  /** When nobody waits for the answer any more; absent: somebody always does. */
  readonly departure?: Departure | undefined;
}

export interface Submission extends Caller {
  /** Of rows whose request is recorded. */
  readonly trace?: RowsTrace | undefined;
}

export interface BatcherOptions extends Omit<AdmissionOptions, 'instances'> {
  /** Values of one row. */
  readonly columns: number;
  /** Wait of a batch that is not full although a session is idle; 0 for none. */
  readonly minimumWaitMs: number;
  /** Sizes, ascending, that end the minimum wait early: the largest one that the queue fills runs. */
  readonly preferredRows?: readonly number[];
  /** Batches that run at one time; one, where absent. */
  readonly instances?: number;
  /** Time of a full batch, as the warm-up measured it. */
  readonly warmBatchMs: number;
  readonly run: (features: Float32Array, rows: number) => Promise<Float32Array>;
  readonly onBatch?: (rows: number, tookMs: number) => void;
  readonly timers: Timers;
  /** Absent where tracing is off. */
  readonly tracer?: Tracer | undefined;
}

/**
 * Work-conserving batcher of one model version. An idle session starts at the end of the turn of the event loop in which rows
 * came; while all are busy, rows gather in a queue that levels of priority share.
 */
export class Batcher {
  readonly #options: BatcherOptions;
  readonly #instances: number;
  readonly #drainRate: DrainRate;
  readonly #queue: FairQueue;
  readonly #admission: Admission;
  readonly #spare: BatchTensor[] = [];
  readonly #running = new Set<BatchTensor>();
  #startScheduled = false;
  #cancelWait: () => void = () => undefined;
  #expiryAt = Number.POSITIVE_INFINITY;
  #cancelExpiry: () => void = () => undefined;
  #idleWaiters: (() => void)[] = [];

  constructor(options: BatcherOptions) {
    this.#options = options;
    this.#instances = options.instances ?? 1;
    this.#drainRate = new DrainRate(options.warmBatchMs, options.batchRowsMax, this.#instances);
    this.#queue = new FairQueue(options.batchRowsMax);
    this.#admission = new Admission({ ...options, instances: this.#instances }, this.#queue, this.#drainRate);
  }

  /** Rows that wait for a batch to start. */
  get queuedRows(): number {
    return this.#queue.rows;
  }

  /** @throws SERVING_DEADLINE_EXCEEDED where rows that came now could not be scored by the deadline */
  assertInTime(rows: number, deadline: number, priority: Priority = 'normal'): void {
    this.#admission.assertInTime(rows, priority, deadline - this.#options.timers.now(), this.#instances - this.#running.size);
  }

  /**
   * Runs `rows` rows, split over as many batches as they need.
   * @param write is called when a row's batch starts
   * @param deadline on the scale of `timers.now()`.
   * @throws SERVING_DEADLINE_EXCEEDED at once where it can't be met, later where it was not;
   *   SERVING_OVERLOADED where the queue is full; SERVING_CANCELLED; what the session fails with.
   */
  async submit(rows: number, write: WriteRow, deadline: number, { priority = 'normal', departure, trace }: Submission = {}): Promise<BatchAnswer> {
    const { timers } = this.#options;
    if (departure?.gone === true) throw cancelled(this.#options.label);
    this.assertInTime(rows, deadline, priority);
    this.#admission.makeRoom(rows, priority);
    const request = new PendingRequest({ rows, write, deadline, priority, timers, trace });
    this.#queue.push(request);
    departure?.onGone(() => {
      this.#leave(request, cancelled(this.#options.label));
    });
    this.#watch(deadline);
    this.#scheduleStart();
    return request.answer;
  }

  /** Resolves when nothing is queued and nothing runs. */
  async idle(): Promise<void> {
    if (this.#running.size === 0 && this.#queue.rows === 0) return;
    await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
  }

  #leave(request: PendingRequest, error: MillraceError): void {
    request.fail(error);
    this.#queue.remove(request);
    this.#announceIdle();
  }

  #scheduleStart(): void {
    if (this.#startScheduled || this.#running.size === this.#instances) return;
    this.#startScheduled = true;
    this.#options.timers.soon(() => {
      this.#startScheduled = false;
      this.#start();
    });
  }

  /** Starts batches while there are idle sessions and rows that need not wait. */
  #start(): void {
    if (this.#startScheduled) return;
    this.#cancelWait();
    while (this.#running.size < this.#instances && this.#queue.rows > 0) {
      const rows = this.#rowsDue();
      if (rows === 0) return;
      const tensor = this.#form(rows);
      if (tensor.rows === 0) {
        this.#spare.push(tensor);
        continue;
      }
      this.#running.add(tensor);
      void this.#run(tensor).then(() => {
        tensor.clear();
        this.#running.delete(tensor);
        this.#spare.push(tensor);
        this.#start();
      });
    }
    this.#announceIdle();
  }

  /** Rows of the next batch; 0 while it waits for company, and a timer is set then. */
  #rowsDue(): number {
    const { batchRowsMax, minimumWaitMs, preferredRows = [], timers } = this.#options;
    const waiting = this.#queue.rows;
    if (minimumWaitMs === 0 || waiting >= batchRowsMax) return batchRowsMax;
    let oldestAt = Number.POSITIVE_INFINITY;
    for (const { submittedAt } of this.#queue) oldestAt = Math.min(oldestAt, submittedAt);
    const waitMs = oldestAt + minimumWaitMs - timers.now();
    if (waitMs <= 0) return batchRowsMax;
    const preferred = preferredRows.findLast((rows) => rows <= waiting);
    if (preferred !== undefined) return preferred;
    this.#cancelWait = timers.after(waitMs, () => {
      this.#start();
    });
    return 0;
  }

  /** Fills a batch. Rows that can't make it leave without one, unless nothing else waits: then they have their chance. */
  #form(rows: number): BatchTensor {
    const { batchRowsMax, columns, timers } = this.#options;
    const tensor = this.#spare.pop() ?? new BatchTensor(batchRowsMax, columns);
    const earliestEnd = timers.now() + this.#drainRate.fastestMs;
    const place = (request: PendingRequest, firstRow: number, count: number): void => {
      try {
        tensor.append(request, firstRow, count);
      } catch (error) {
        request.fail(error);
        this.#queue.remove(request);
      }
    };
    const late = this.#queue.take(rows, place, ({ deadline }) => deadline < earliestEnd);
    if (tensor.rows > 0) {
      for (const request of late) request.fail(hopeless(this.#options.label));
    } else if (late.length > 0) {
      for (const request of late) this.#queue.push(request);
      this.#queue.take(rows, place, () => false);
    }
    return tensor;
  }

  /** Settles every request of the batch; never rejects. */
  async #run(tensor: BatchTensor): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      const part = tensor.compact(tensor.whole);
      if (part.to === 0) return;
      try {
        const tookMs = await this.#runPart(tensor, part);
        // A batch that lost a session says nothing about the next one's time.
        if (attempt === 0) this.#drainRate.observe(tensor.rowsOf(part), tookMs);
        return;
      } catch (error) {
        if (codeOf(error) === 'SERVING_SESSION_LOST' && attempt < SESSION_LOST_RETRIES) continue;
        await this.#fail(tensor, part, error);
        return;
      }
    }
  }

  /** @returns ms that it took */
  async #runPart(tensor: BatchTensor, part: Part): Promise<number> {
    const { run, onBatch, timers, tracer } = this.#options;
    const rows = tensor.rowsOf(part);
    const startedAt = timers.now();
    const span = tracer === undefined ? undefined : this.#startSpan(tracer, tensor, part);
    const running = run(tensor.featuresOf(part), rows);
    const scores = await (span === undefined ? running : inSpan(span, () => running));
    const endedAt = timers.now();
    const tookMs = endedAt - startedAt;
    tensor.settle(part, scores, startedAt, endedAt);
    onBatch?.(rows, tookMs);
    return tookMs;
  }

  /** The span of a batch: each request in it that is recorded is linked with it, both ways. */
  #startSpan(tracer: Tracer, tensor: BatchTensor, part: Part): Span | undefined {
    const attributes = { 'millrace.batch.rows': tensor.rowsOf(part), 'millrace.batch.of': this.#options.label };
    const traces = tensor.tracesOf(part);
    const span = startBatchSpan(tracer, 'run batch', traces.map(({ cause }) => cause), { attributes });
    if (span !== undefined) for (const { batches } of traces) batches.push(span);
    return span;
  }

  #fail(tensor: BatchTensor, part: Part, error: unknown): Promise<void> {
    const fail = (failed: Part, reason: unknown): void => {
      for (const request of tensor.fail(failed, reason)) this.#queue.remove(request);
    };
    return isolateFailure({ tensor, run: (half) => this.#runPart(tensor, half), fail }, part, error);
  }

  /** One timer for all deadlines: it goes off at the earliest, and looks for the next. */
  #watch(deadline: number): void {
    if (deadline >= this.#expiryAt) return;
    this.#cancelExpiry();
    this.#expiryAt = deadline;
    const { timers } = this.#options;
    this.#cancelExpiry = timers.after(Math.max(0, deadline - timers.now()), () => {
      this.#expire();
    });
  }

  #expire(): void {
    const now = this.#options.timers.now();
    const error = () => expired(this.#options.label);
    let earliest = Number.POSITIVE_INFINITY;
    for (const tensor of this.#running) earliest = Math.min(earliest, tensor.expire(now, error));
    for (const request of this.#queue) {
      if (request.deadline <= now) request.fail(error());
      if (request.settled) this.#queue.remove(request);
      else earliest = Math.min(earliest, request.deadline);
    }
    this.#expiryAt = Number.POSITIVE_INFINITY;
    if (earliest !== Number.POSITIVE_INFINITY) this.#watch(earliest);
    else this.#announceIdle();
  }

  #announceIdle(): void {
    if (this.#running.size > 0 || this.#queue.rows > 0) return;
    this.#cancelExpiry();
    this.#cancelExpiry = () => undefined;
    this.#expiryAt = Number.POSITIVE_INFINITY;
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }
}

const codeOf = (error: unknown): string | null => (isMillraceError(error) ? error.code : null);

const expired = (label: string): MillraceError =>
  new MillraceError('SERVING_DEADLINE_EXCEEDED', `Prediction by ${label} was not ready by its deadline. Allow more time, or add serving processes.`);

const hopeless = (label: string): MillraceError =>
  new MillraceError(
    'SERVING_DEADLINE_EXCEEDED',
    `Prediction by ${label} left the queue: its deadline is nearer than the fastest of the last batches took. Allow more time, or add serving processes.`,
  );

const cancelled = (label: string): MillraceError =>
  new MillraceError('SERVING_CANCELLED', `Prediction by ${label} was given up: its caller went away.`);

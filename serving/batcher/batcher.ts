import { isMillraceError, MillraceError } from '../../src/core/millrace-error.ts';
import { inSpan, startBatchSpan, type Span, type Tracer } from '../../src/infra/tracing.ts';
import type { RowsTrace } from '../request-trace.ts';
import { BatchTensor, type WriteRow } from './batch-tensor.ts';
import { DrainRate } from './drain-rate.ts';
import { PendingRequest, type BatchAnswer } from './pending-request.ts';
import type { Timers } from './timers.ts';

/** Times that a batch is run again after its session was lost. */
const SESSION_LOST_RETRIES = 1;

export interface BatcherOptions {
  /** Model and version, for messages. */
  readonly label: string;
  /** Values of one row. */
  readonly columns: number;
  readonly batchRowsMax: number;
  readonly queueRowsMax: number;
  /** Wait of a batch that is not full although the session is idle; 0 for none. */
  readonly minimumWaitMs: number;
  /** Time of a full batch, as the warm-up measured it. */
  readonly warmBatchMs: number;
  readonly run: (features: Float32Array, rows: number) => Promise<Float32Array>;
  readonly onBatch?: (rows: number, tookMs: number) => void;
  readonly timers: Timers;
  /** Absent where tracing is off. */
  readonly tracer?: Tracer | undefined;
}

/**
 * Work-conserving batcher of one model version. An idle session starts at the end of the turn of the
 * event loop in which rows came; while it is busy, rows gather in the next tensors. One batch runs at a time.
 */
export class Batcher {
  readonly #options: BatcherOptions;
  readonly #tensorsMax: number;
  readonly #drainRate: DrainRate;
  readonly #spare: BatchTensor[] = [];
  #queue: BatchTensor[] = [];
  #running: BatchTensor | null = null;
  #startScheduled = false;
  #cancelWait: () => void = () => undefined;
  #expiryAt = Number.POSITIVE_INFINITY;
  #cancelExpiry: () => void = () => undefined;
  #idleWaiters: (() => void)[] = [];

  constructor(options: BatcherOptions) {
    this.#options = options;
    this.#tensorsMax = Math.ceil(options.queueRowsMax / options.batchRowsMax) + 1;
    this.#drainRate = new DrainRate(options.warmBatchMs, options.batchRowsMax);
  }

  /** Rows that wait for a batch to start. */
  get queuedRows(): number {
    return this.#queue.reduce((sum, tensor) => sum + tensor.rows, 0);
  }

  /**
   * Runs `rows` rows, split over as many batches as they need.
   * @param deadline on the scale of `timers.now()`.
   * @throws SERVING_DEADLINE_EXCEEDED at once where it can't be met, later where it was not;
   *   SERVING_OVERLOADED where the queue is full; what the session fails with.
   */
  async submit(rows: number, write: WriteRow, deadline: number, trace?: RowsTrace): Promise<BatchAnswer> {
    this.#assertInTime(rows, deadline);
    this.#assertRoom(rows);
    const request = new PendingRequest(rows, deadline, this.#options.timers, trace);
    try {
      this.#place(request, rows, write);
    } catch (error) {
      request.fail(error);
      return request.answer;
    }
    this.#watch(deadline);
    this.#scheduleStart();
    return request.answer;
  }

  /** Resolves when nothing is queued and nothing runs. */
  async idle(): Promise<void> {
    if (this.#running === null && this.#queue.length === 0) return;
    await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
  }

  #place(request: PendingRequest, rows: number, write: WriteRow): void {
    const now = this.#options.timers.now();
    for (let placed = 0; placed < rows; ) {
      let tensor = this.#queue.at(-1);
      if (tensor === undefined || tensor.free === 0) {
        tensor = this.#spare.pop() ?? new BatchTensor(this.#options.batchRowsMax, this.#options.columns);
        this.#queue.push(tensor);
      }
      const count = Math.min(rows - placed, tensor.free);
      tensor.append(request, placed, count, write, now);
      placed += count;
    }
  }

  #assertInTime(rows: number, deadline: number): void {
    const { timers, batchRowsMax, label } = this.#options;
    const ahead = this.#queue.length + (this.#running === null ? 0 : 1);
    // An idle session always gets its chance, or one slow batch would make every later request look hopeless.
    const ownBatches = ahead === 0 ? 0 : Math.ceil(rows / batchRowsMax);
    const waitMs = Math.max(0, ahead - 1 + ownBatches) * this.#drainRate.batchMs;
    const leftMs = deadline - timers.now();
    if (leftMs > 0 && waitMs <= leftMs) return;
    throw new MillraceError(
      'SERVING_DEADLINE_EXCEEDED',
      `Prediction by ${label} was refused: it needs about ${Math.ceil(waitMs)} ms with the queue as it is, ` +
        `and ${Math.max(0, Math.floor(leftMs))} ms were left. Allow more time, or add serving processes.`,
    );
  }

  #assertRoom(rows: number): void {
    const { queueRowsMax, batchRowsMax, label } = this.#options;
    const queued = this.queuedRows;
    const tensorRoom = (this.#queue.at(-1)?.free ?? 0) + (this.#tensorsMax - this.#queue.length) * batchRowsMax;
    if (queued + rows <= queueRowsMax && rows <= tensorRoom) return;
    const retryAfterSeconds = this.#drainRate.retryAfterSeconds(queued);
    throw new MillraceError(
      'SERVING_OVERLOADED',
      `Prediction by ${label} was refused: ${queued} rows wait already and at most ${queueRowsMax} may. ` +
        `Try again in ${retryAfterSeconds} s.`,
      { details: { retryAfterSeconds } },
    );
  }

  #scheduleStart(): void {
    if (this.#startScheduled || this.#running !== null) return;
    this.#startScheduled = true;
    this.#options.timers.soon(() => {
      this.#startScheduled = false;
      this.#start();
    });
  }

  #start(): void {
    const { minimumWaitMs, timers } = this.#options;
    const head = this.#queue[0];
    if (this.#running !== null || this.#startScheduled) return;
    if (head === undefined) {
      this.#announceIdle();
      return;
    }
    const waitMs = head.openedAt + minimumWaitMs - timers.now();
    this.#cancelWait();
    if (waitMs > 0 && head.free > 0) {
      this.#cancelWait = timers.after(waitMs, () => {
        this.#start();
      });
      return;
    }
    this.#queue.shift();
    this.#running = head;
    void this.#run(head).then(() => {
      head.clear();
      if (this.#spare.length < this.#tensorsMax) this.#spare.push(head);
      this.#running = null;
      this.#start();
    });
  }

  /** Settles every request of the batch; never rejects. */
  async #run(tensor: BatchTensor): Promise<void> {
    const { run, onBatch, timers, tracer } = this.#options;
    for (let attempt = 0; ; attempt++) {
      tensor.compact();
      if (tensor.rows === 0) return;
      const startedAt = timers.now();
      try {
        const span = tracer === undefined ? undefined : this.#startSpan(tracer, tensor);
        const running = run(tensor.features, tensor.rows);
        const scores = await (span === undefined ? running : inSpan(span, () => running));
        const tookMs = timers.now() - startedAt;
        tensor.settle(scores, tookMs);
        // A batch that lost a session says nothing about the next one's time.
        if (attempt === 0) this.#drainRate.observe(tensor.rows, tookMs);
        onBatch?.(tensor.rows, tookMs);
        return;
      } catch (error) {
        const lost = isMillraceError(error) && error.code === 'SERVING_SESSION_LOST';
        if (lost && attempt < SESSION_LOST_RETRIES) continue;
        tensor.fail(error);
        return;
      }
    }
  }

  /** The span of a batch: each request in it that is recorded is linked with it, both ways. */
  #startSpan(tracer: Tracer, { traces, rows }: BatchTensor): Span | undefined {
    const attributes = { 'millrace.batch.rows': rows, 'millrace.batch.of': this.#options.label };
    const span = startBatchSpan(tracer, 'run batch', traces.map(({ cause }) => cause), { attributes });
    if (span !== undefined) for (const { batches } of traces) batches.push(span);
    return span;
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
    const error = () =>
      new MillraceError(
        'SERVING_DEADLINE_EXCEEDED',
        `Prediction by ${this.#options.label} was not ready by its deadline. Allow more time, or add serving processes.`,
      );
    let earliest = this.#running?.expire(now, error) ?? Number.POSITIVE_INFINITY;
    for (const tensor of this.#queue) {
      earliest = Math.min(earliest, tensor.expire(now, error));
      tensor.compact();
    }
    this.#queue = this.#queue.filter((tensor) => tensor.rows > 0);
    this.#expiryAt = Number.POSITIVE_INFINITY;
    if (earliest !== Number.POSITIVE_INFINITY) this.#watch(earliest);
    else this.#announceIdle();
  }

  #announceIdle(): void {
    if (this.#running !== null || this.#queue.length > 0) return;
    this.#cancelExpiry();
    this.#cancelExpiry = () => undefined;
    this.#expiryAt = Number.POSITIVE_INFINITY;
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }
}

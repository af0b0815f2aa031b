import type { Tensor } from '../../src/contracts/tensor.ts';
import { isMillraceError, MillraceError } from '../../src/core/millrace-error.ts';
import type { Departure } from '../batcher/departure.ts';
import { DrainRate } from '../batcher/drain-rate.ts';
import type { Timers } from '../batcher/timers.ts';
import { haveSameRows, joinTensors, rowsOf, shapeKey, sliceRows } from './join-tensors.ts';

/** Times that a run is repeated after its session was lost. */
const SESSION_LOST_RETRIES = 1;
/** Until a run was measured. */
const RUN_MS_ASSUMED = 1;

export interface TensorAnswer {
  readonly outputs: readonly Tensor[];
  /** Milliseconds spent waiting for the run to start. */
  readonly queueMs: number;
  /** Milliseconds of the run, hand-over included. */
  readonly computeMs: number;
}

export interface TensorBatcherOptions {
  /** Model and version, for messages. */
  readonly label: string;
  /** Whether requests may share a run. */
  readonly batched: boolean;
  /** Rows of a shared run; a request that has more runs alone. */
  readonly batchRowsMax: number;
  readonly queueRowsMax: number;
  /** Time of a run as the warm-up measured it, where it did. */
  readonly runMs: number | null;
  readonly run: (inputs: readonly Tensor[]) => Promise<readonly Tensor[]>;
  readonly onBatch?: (rows: number, tookMs: number) => void;
  readonly timers: Timers;
}

interface Waiting {
  readonly inputs: readonly Tensor[];
  /** At least 1: what has no rows waits too. */
  readonly rows: number;
  /** Whether others may share its run. */
  readonly shares: boolean;
  readonly key: string;
  readonly submittedAt: number;
  readonly resolve: (answer: TensorAnswer) => void;
  readonly reject: (error: unknown) => void;
  /** Takes its deadline's timer back. */
  readonly cancel: () => void;
  settled: boolean;
}

/**
 * Runs the requests of one model version whose tensors are its graph's own, one run at a time. What waits while the session is busy
 * goes together into the next run, as far as the model allows that: rows one after the other, of requests that agree in the rest
 * of their shapes.
 */
export class TensorBatcher {
  readonly #options: TensorBatcherOptions;
  readonly #drainRate: DrainRate;
  #queue: Waiting[] = [];
  #running = false;
  #startScheduled = false;
  #idleWaiters: (() => void)[] = [];

  constructor(options: TensorBatcherOptions) {
    this.#options = options;
    this.#drainRate = new DrainRate(options.runMs ?? RUN_MS_ASSUMED, options.batchRowsMax);
  }

  /** Rows that wait for a run; of a model that shares no runs, requests. */
  get queuedRows(): number {
    return this.#queue.reduce((sum, { rows }) => sum + rows, 0);
  }

  /**
   * @param deadline on the scale of `timers.now()`
   * @param departure of the caller
   * @throws SERVING_OVERLOADED where the queue is full; SERVING_DEADLINE_EXCEEDED; SERVING_CANCELLED; what the session fails with
   */
  async submit(inputs: readonly Tensor[], deadline: number, departure?: Departure): Promise<TensorAnswer> {
    const { timers, batched } = this.#options;
    if (departure?.gone === true) throw this.#cancelled();
    const shares = batched && haveSameRows(inputs);
    const rows = batched ? Math.max(1, rowsOf(inputs)) : 1;
    this.#assertRoom(rows);
    const now = timers.now();
    return new Promise((resolve, reject) => {
      const cancel = timers.after(Math.max(0, deadline - now), () => {
        this.#leave(waiting, this.#late());
      });
      const waiting: Waiting = { inputs, rows, shares, key: shapeKey(inputs), submittedAt: now, resolve, reject, cancel, settled: false };
      this.#queue.push(waiting);
      departure?.onGone(() => {
        this.#leave(waiting, this.#cancelled());
      });
      this.#scheduleStart();
    });
  }

  /** Resolves when nothing is queued and nothing runs. */
  async idle(): Promise<void> {
    if (!this.#running && this.#queue.length === 0) return;
    await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
  }

  #assertRoom(rows: number): void {
    const { queueRowsMax, label } = this.#options;
    const queued = this.queuedRows;
    // A request that is larger than the queue still gets its chance alone.
    if (queued === 0 || queued + rows <= queueRowsMax) return;
    const retryAfterSeconds = this.#drainRate.retryAfterSeconds(queued);
    throw new MillraceError(
      'SERVING_OVERLOADED',
      `Inference by ${label} was refused: ${queued} rows wait already and at most ${queueRowsMax} may. Try again in ${retryAfterSeconds} s.`,
      { details: { retryAfterSeconds } },
    );
  }

  #scheduleStart(): void {
    if (this.#startScheduled || this.#running) return;
    this.#startScheduled = true;
    this.#options.timers.soon(() => {
      this.#startScheduled = false;
      void this.#work();
    });
  }

  /** Runs until nothing waits. */
  async #work(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    for (let batch = this.#take(); batch.length > 0; batch = this.#take()) await this.#run(batch);
    this.#running = false;
    this.#announceIdle();
  }

  /** The oldest request, and those behind it that fit into its run. */
  #take(): Waiting[] {
    const { batchRowsMax } = this.#options;
    const [first] = this.#queue;
    if (first === undefined) return [];
    let rows = 0;
    const taken = this.#queue.filter((waiting) => {
      const fits = waiting === first || (first.shares && waiting.shares && waiting.key === first.key && rows + waiting.rows <= batchRowsMax);
      if (fits) rows += waiting.rows;
      return fits;
    });
    this.#queue = this.#queue.filter((waiting) => !taken.includes(waiting));
    return taken;
  }

  /** Settles every request of the batch; never rejects. */
  async #run(batch: readonly Waiting[]): Promise<void> {
    const { run, onBatch, timers } = this.#options;
    const rows = batch.reduce((sum, waiting) => sum + waiting.rows, 0);
    for (let attempt = 0; ; attempt++) {
      const startedAt = timers.now();
      try {
        const outputs = await run(joinTensors(batch.map(({ inputs }) => inputs)));
        const computeMs = timers.now() - startedAt;
        this.#answer(batch, outputs, startedAt, computeMs);
        if (attempt === 0) this.#drainRate.observe(rows, computeMs);
        onBatch?.(rows, computeMs);
        return;
      } catch (error) {
        const lost = isMillraceError(error) && error.code === 'SERVING_SESSION_LOST';
        // What hangs for nobody any more would only keep the others waiting.
        if (lost && attempt < SESSION_LOST_RETRIES && batch.some(({ settled }) => !settled)) continue;
        if (batch.length === 1) for (const waiting of batch) this.#fail(waiting, error);
        // One request may be what the others fail with.
        else for (const waiting of batch) if (!waiting.settled) await this.#run([waiting]);
        return;
      }
    }
  }

  #answer(batch: readonly Waiting[], outputs: readonly Tensor[], startedAt: number, computeMs: number): void {
    const total = batch.reduce((sum, { rows }) => sum + rows, 0);
    const odd = batch.length > 1 ? outputs.find(({ shape }) => shape[0] !== total) : undefined;
    if (odd !== undefined) {
      throw new MillraceError('SERVING_SESSION_FAILED', `A run of ${total} rows was answered with '${odd.name}' of shape [${odd.shape.join(', ')}].`);
    }
    let at = 0;
    for (const waiting of batch) {
      const own = batch.length === 1 ? outputs : sliceRows(outputs, at, at + waiting.rows);
      at += waiting.rows;
      if (waiting.settled) continue;
      waiting.settled = true;
      waiting.cancel();
      waiting.resolve({ outputs: own, queueMs: Math.max(0, startedAt - waiting.submittedAt), computeMs });
    }
  }

  #leave(waiting: Waiting, error: MillraceError): void {
    this.#fail(waiting, error);
    this.#queue = this.#queue.filter((other) => other !== waiting);
    this.#announceIdle();
  }

  #fail(waiting: Waiting, error: unknown): void {
    if (waiting.settled) return;
    waiting.settled = true;
    waiting.cancel();
    waiting.reject(error);
  }

  #late(): MillraceError {
    return new MillraceError(
      'SERVING_DEADLINE_EXCEEDED',
      `Inference by ${this.#options.label} was not ready by its deadline. Allow more time, or add serving processes.`,
    );
  }

  #cancelled(): MillraceError {
    return new MillraceError('SERVING_CANCELLED', `Inference by ${this.#options.label} was given up: its caller went away.`);
  }

  #announceIdle(): void {
    if (this.#running || this.#queue.length > 0) return;
    for (const resolve of this.#idleWaiters.splice(0)) resolve();
  }
}

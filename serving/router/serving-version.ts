import type { ModelSignature } from '../../src/contracts/model-bundle.ts';
import { MillraceError } from '../../src/core/millrace-error.ts';
import type { ServiceProgram } from '../../src/fold/compile-service.ts';
import type { DecisionKind } from '../../src/store/decision-frame.ts';
import { Batcher, type BatcherOptions, type Submission } from '../batcher/batcher.ts';
import type { BatchAnswer } from '../batcher/pending-request.ts';
import type { Priority } from '../batcher/priority.ts';
import { rowsOf } from '../batcher/write-row.ts';
import type { ScoreCache } from '../cache/score-cache.ts';
import type { WarmSession } from '../session-host/session-host.ts';
import { decisionKindOf } from './decision-kind.ts';
import { keyFieldsOf } from './key-fields.ts';
import { RowEncoder, type FeatureRows } from './row-encoder.ts';

export interface ServingVersionOptions extends Pick<
  BatcherOptions,
  'queueRowsMax' | 'minimumWaitMs' | 'preferredRows' | 'timers' | 'onBatch' | 'tracer'
> {
  /** The signature's, where absent; never above it. */
  readonly batchRowsMax?: number;
  readonly version: number;
  readonly digest: string;
  /** What runs its graph. */
  readonly platform: string;
  readonly signature: ModelSignature;
  /** Of the feature service that it was trained with: its rows are made by this one. */
  readonly program: ServiceProgram;
  readonly warm: WarmSession;
  /** Null runs every row. */
  readonly cache: ScoreCache | null;
}

/** A model version that is loaded, verified and warm, with its own session and its own batcher. */
export class ServingVersion {
  readonly version: number;
  readonly digest: string;
  readonly platform: string;
  readonly signature: ModelSignature;
  readonly program: ServiceProgram;
  readonly keyFields: readonly string[];
  readonly warm: WarmSession;
  readonly batchRowsMax: number;
  readonly batching: Pick<ServingVersionOptions, 'queueRowsMax' | 'minimumWaitMs' | 'preferredRows'>;
  readonly #encoder: RowEncoder;
  readonly #batcher: Batcher;
  readonly #cache: ScoreCache | null;
  readonly #decisionKinds = new Map<string, DecisionKind>();
  #closed = false;

  constructor(options: ServingVersionOptions) {
    this.version = options.version;
    this.digest = options.digest;
    this.platform = options.platform;
    this.signature = options.signature;
    this.program = options.program;
    this.keyFields = keyFieldsOf(options.program);
    this.warm = options.warm;
    this.batchRowsMax = options.batchRowsMax ?? options.signature.batchRowsMax;
    this.batching = options;
    this.#cache = options.cache;
    this.#encoder = new RowEncoder(options.signature);
    this.#batcher = new Batcher({
      ...options,
      label: `model '${options.signature.model}' version ${options.version}`,
      columns: this.#encoder.columns,
      batchRowsMax: this.batchRowsMax,
      instances: options.warm.batchesAtOnce,
      warmBatchMs: options.warm.batchMs,
      run: (features, rows) => options.warm.session.run(features, rows),
    });
  }

  /** What its decisions as one variant have in common. @param model that it answers for */
  decisionKind(model: string, variant: DecisionKind['variant']): DecisionKind {
    let kind = this.#decisionKinds.get(variant);
    if (kind === undefined) this.#decisionKinds.set(variant, (kind = decisionKindOf(model, this, variant)));
    return kind;
  }

  /** Values of one row of its input tensor. */
  get columns(): number {
    return this.#encoder.columns;
  }

  get session(): WarmSession['session'] {
    return this.warm.session;
  }

  get caches(): boolean {
    return this.#cache !== null;
  }

  /** Rows in its cache. */
  get cachedRows(): number {
    return this.#cache?.size ?? 0;
  }

  get queuedRows(): number {
    return this.#batcher.queuedRows;
  }

  /** Before rows are read for it. @throws SERVING_DEADLINE_EXCEEDED where they could not be scored by the deadline, unless a cache has them */
  assertInTime(rows: number, deadline: number, priority?: Priority): void {
    if (this.#cache === null) this.#batcher.assertInTime(rows, deadline, priority);
  }

  /**
   * Scores the rows in batches that hold rows of this version only.
   * @param which indexes of the rows to score, in the order of the answer.
   * @param deadline on the scale of the batcher's timers.
   */
  async score(rows: FeatureRows, which: readonly number[], deadline: number, submission?: Submission): Promise<BatchAnswer> {
    this.#assertOpen();
    if (this.#cache === null)
      return this.#batcher.submit(which.length, (i, out, at) => this.#encoder.write(rows, which[i] as number, out, at), deadline, submission);
    const features = new Float32Array(which.length * this.columns);
    for (let i = 0; i < which.length; i++) this.#encoder.write(rows, which[i] as number, features, i * this.columns);
    return this.#throughCache(this.#cache, features, deadline, submission);
  }

  /**
   * Scores rows that are encoded already.
   * @param features row-major, whole rows of `columns` values; must not change until the answer
   */
  async scoreTensor(features: Float32Array, deadline: number, submission?: Submission): Promise<BatchAnswer> {
    this.#assertOpen();
    if (this.#cache !== null) return this.#throughCache(this.#cache, features, deadline, submission);
    const { columns } = this;
    return this.#batcher.submit(features.length / columns, rowsOf(features, columns), deadline, submission);
  }

  #assertOpen(): void {
    if (!this.#closed) return;
    const what = `Model '${this.signature.model}' version ${this.version}`;
    throw new MillraceError('MODEL_NOT_READY', `${what} takes no more requests: it was replaced. Try again.`);
  }

  #throughCache(cache: ScoreCache, features: Float32Array, deadline: number, submission?: Submission): Promise<BatchAnswer> {
    return cache.score(features, (count, write) => this.#batcher.submit(count, write, deadline, submission), deadline);
  }

  /** Answers what it has taken, then lets the session go with its process. */
  async close(): Promise<void> {
    this.#closed = true;
    // What the cache has taken may come to the batcher late.
    await this.#cache?.idle();
    await this.#batcher.idle();
    await this.warm.session.close();
  }
}

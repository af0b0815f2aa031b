import type { Decision } from '../src/contracts/decision.ts';
import type { Clock } from '../src/core/clock.ts';
import { MillraceError } from '../src/core/millrace-error.ts';
import { shorten } from '../src/core/shorten.ts';
import type { ServiceProgram } from '../src/fold/compile-service.ts';
import type { Logger } from '../src/infra/logger.ts';
import { inSpan } from '../src/infra/tracing.ts';
import type { Timers } from './batcher/timers.ts';
import type { AnsweredRequest } from './decisions/build-decision.ts';
import type { DecisionCompleter } from './decisions/complete-decisions.ts';
import type { DecisionLog } from './decisions/decision-log.ts';
import { checkInclude, explainPredictions } from './decisions/explain-predictions.ts';
import { ParsedByService } from './features/parse-instances.ts';
import { readRows, type ServiceRows } from './features/read-rows.ts';
import type { ViewReader } from './features/view-reader.ts';
import type { NoteWait } from './limit/concurrency-limiter.ts';
import type { Prediction, PredictOptions } from './prediction.ts';
import { UNKNOWN_MODEL } from './request-metrics.ts';
import { scoreByVersion, splitByVersion, type Scored } from './score-by-version.ts';
import { assertInTime, assertReady, type ServedModel } from './served-model.ts';
import type { ServingMetrics } from './serving-metrics.ts';
import { UnderWay } from './under-way.ts';
import { withDeadline } from './with-deadline.ts';

export interface DataPlaneOptions {
  readonly models: readonly ServedModel[];
  readonly reader: ViewReader;
  readonly decisions: DecisionLog;
  readonly completer: DecisionCompleter;
  readonly metrics: ServingMetrics;
  readonly timers: Timers;
  readonly clock: Clock;
  readonly instancesMax: number;
  readonly timeoutMs: number;
  /** Whether the models that no project defines are ready; absent where there can be none. */
  readonly tensorModelsReady?: () => boolean;
  /** Where several processes share a port: whether all of them are ready. */
  readonly groupReady?: () => boolean;
  readonly logger: Logger;
}

interface ReadRequest {
  readonly model: ServedModel;
  readonly parsed: ParsedByService;
  readonly reads: readonly ServiceRows[];
  readonly asOf: number;
  readonly startedAt: number;
  readonly deadline: number;
  readonly options: PredictOptions;
  readonly noteWait: NoteWait;
}

/** A request whose versions are replaced this often while it reads gives up. */
const ROUTE_ATTEMPTS_MAX = 5;
const MS_PER_SECOND = 1_000;

/** The path of a prediction. Transports translate to and from it and decide nothing. */
export class DataPlane {
  readonly #options: DataPlaneOptions;
  readonly #models: ReadonlyMap<string, ServedModel>;
  /** Requests, and what follows their answers. */
  readonly #underWay = new UnderWay();
  /** What follows the answers of this turn of the event loop waits for the next. */
  #answered: AnsweredRequest[] = [];
  #retiring = false;
  #draining = false;

  constructor(options: DataPlaneOptions) {
    this.#options = options;
    this.#models = new Map(options.models.map((model) => [model.name, model]));
  }

  get models(): readonly ServedModel[] {
    return this.#options.models;
  }

  /** The process is going to end: it is no longer ready, and still answers. */
  get retiring(): boolean {
    return this.#retiring;
  }

  /** Of this process and all that share its port. */
  get ready(): boolean {
    return this.#options.groupReady?.() ?? this.selfReady;
  }

  /** Of this process: every model is ready, and the process is not going to end. */
  get selfReady(): boolean {
    const { tensorModelsReady } = this.#options;
    return !this.#retiring && this.models.every(({ router }) => router.ready) && tensorModelsReady?.() !== false;
  }

  /** @throws MODEL_NOT_FOUND */
  model(name: string): ServedModel {
    const model = this.#models.get(name);
    if (model !== undefined) return model;
    const known = [...this.#models.keys()].map((other) => `'${other}'`).join(', ');
    throw new MillraceError('MODEL_NOT_FOUND', `Model '${shorten(name)}' is not in the project. It has ${known === '' ? 'none' : known}.`);
  }

  /**
   * Scores each instance by the version that its entity keys are split to.
   * @throws MODEL_NOT_FOUND, MODEL_NOT_READY, REQUEST_INVALID, STORE_UNAVAILABLE, FEATURE_AS_OF_TOO_EARLY, FEATURE_STALE,
   *   SERVING_*
   */
  async predict(name: string, instances: readonly unknown[], options: PredictOptions = {}): Promise<Prediction[]> {
    const { metrics, timers } = this.#options;
    const model = this.reading(name, () => this.model(name));
    const startedAt = options.arrivedAt ?? timers.now();
    options.trace?.span.set({ 'millrace.model': name, 'millrace.instances': instances.length });
    this.#underWay.begin();
    metrics.inFlight.predict++;
    try {
      const predictions = await model.limiter.run(options.priority, (noteWait) => this.#predict(model, instances, options, { startedAt, noteWait }));
      metrics.requests.answered(name, timers.now() - startedAt);
      return predictions;
    } catch (error) {
      if (options.asksAgain?.(error) !== true) metrics.requests.failed(name, error);
      throw error;
    } finally {
      metrics.inFlight.predict--;
      this.#underWay.end();
    }
  }

  /** A request as its transport reads it, or its model: where that fails, it is counted under the model that it names, or as unknown. */
  reading<T>(name: string, read: () => T): T {
    try {
      return read();
    } catch (error) {
      this.#options.metrics.requests.failed(this.#models.has(name) ? name : UNKNOWN_MODEL, error);
      throw error;
    }
  }

  retire(): void {
    this.#retiring = true;
  }

  /** Takes no more requests and resolves when those in flight, and what follows their answers, are done. */
  async drain(): Promise<void> {
    this.#retiring = true;
    this.#draining = true;
    await this.#underWay.idle();
  }

  /**
   * Reads what the versions of the request need and scores it. The versions were, as a rule, trained with one feature
   * service; while one trained on other versions of the views is on its way in, each instance is read as its own version
   * wants it. Versions may be replaced during the reading: what the new ones need is then read too.
   */
  async #predict(model: ServedModel, raw: readonly unknown[], options: PredictOptions, { startedAt, noteWait }: Pick<ReadRequest, 'startedAt' | 'noteWait'>): Promise<Prediction[]> {
    const { timers, clock } = this.#options;
    const { trace } = options;
    const deadline = startedAt + (options.timeoutMs ?? this.#options.timeoutMs);
    const asOf = options.asOf ?? clock();
    if (options.include !== undefined) checkInclude(model, options.include);
    const parsed = new ParsedByService(model, raw, this.#options.instancesMax);
    const reads: ServiceRows[] = [];
    this.#assertOpen();
    assertInTime(model, parsed.count, deadline, options.priority);
    for (let attempt = 0; attempt < ROUTE_ATTEMPTS_MAX; attempt++) {
      assertReady(model);
      const missing = this.#programsOf(model, parsed).filter((program) => !reads.some((read) => read.program === program));
      if (missing.length === 0) return this.#answer({ model, parsed, reads, asOf, startedAt, deadline, options, noteWait });
      // A request that is wrong for one of them is refused before any read, which nobody would wait for then.
      for (const program of missing) parsed.by(program);
      const reading = missing.map((program) => withDeadline(this.#readRows(program, parsed, asOf), deadline, timers));
      const [first] = reading;
      // As a rule there is one, which needs no promise of a list.
      if (first !== undefined && reading.length === 1 && trace === undefined) reads.push(await first);
      else reads.push(...(await inSpan(trace?.start('features'), () => Promise.all(reading))));
    }
    throw new MillraceError('MODEL_NOT_READY', `Model '${model.name}' changed its versions again and again while the request ran. Try again.`);
  }

  /** Feature services that the instances are read by, as the versions are now. */
  #programsOf(model: ServedModel, parsed: ParsedByService): ServiceProgram[] {
    const { champion, canary, arms } = model.router.routes;
    if (champion === null) return [];
    if (canary === null && arms === null) return [champion.program];
    const others = [...(canary === null ? [] : [canary]), ...(arms?.routes ?? [])];
    if (others.every(({ target }) => target.program === champion.program)) return [champion.program];
    return [...new Set(splitByVersion({ model, parsed, now: this.#options.clock() }).map(({ target }) => target.program))];
  }

  #readRows(program: ServiceProgram, parsed: ParsedByService, asOf: number): Promise<ServiceRows> {
    const { reader, metrics } = this.#options;
    return readRows(reader, program, parsed.by(program), asOf, metrics.freshness);
  }

  async #answer({ model, parsed, reads, asOf, startedAt, deadline, options, noteWait }: ReadRequest): Promise<Prediction[]> {
    const { timers, clock, decisions } = this.#options;
    const featuresMs = timers.now() - startedAt;
    decisions.reserve(parsed.count);
    let scored: Scored;
    try {
      scored = await scoreByVersion({ model, parsed, reads, deadline, now: clock(), options });
    } catch (error) {
      decisions.release(parsed.count);
      throw error;
    }
    const { predictions, answers, made, kinds, units } = scored;
    const totalMs = timers.now() - startedAt;
    const latencyMs = answers.map(({ queueMs, computeMs }) => ({
      features: featuresMs,
      queue: queueMs,
      compute: computeMs,
      total: totalMs,
    }));
    noteWait(latencyMs.reduce((longest, { queue }) => Math.max(longest, queue), 0));
    const servedAt = clock();
    this.#observe(model, scored, latencyMs, servedAt);
    const answered: AnsweredRequest = { model, parsed, made, kinds, units, predictions, asOf, servedAt, latencyMs, cause: options.trace?.span };
    // After the answer: building decisions and asking the shadow must not delay it.
    this.#underWay.begin();
    if (this.#answered.push(answered) === 1) setImmediate(this.#completeAll);
    return options.include === undefined ? predictions : explainPredictions(answered, options.include);
  }

  /** One turn for all requests that were answered in the last. */
  readonly #completeAll = (): void => {
    const answered = this.#answered;
    this.#answered = [];
    for (const request of answered) this.#complete(request);
  };

  /** Never throws. */
  #complete(answered: AnsweredRequest): void {
    try {
      const shadowed = this.#options.completer.complete(answered);
      if (shadowed === undefined) this.#underWay.end();
      else shadowed.then(() => this.#underWay.end(), this.#notCompleted);
    } catch (error) {
      this.#notCompleted(error);
    }
  }

  readonly #notCompleted = (error: unknown): void => {
    this.#options.logger.error({ err: error }, 'decisions could not be completed');
    this.#underWay.end();
  };

  #assertOpen(): void {
    if (this.#draining) {
      throw new MillraceError('SERVING_DRAINING', 'Prediction was refused: this serving process is shutting down. Try another one.');
    }
  }

  #observe({ name: model }: ServedModel, { shares }: Scored, latencyMs: readonly Decision['latencyMs'][], servedAt: number): void {
    const { metrics } = this.#options;
    for (const { target, variant, which } of shares) {
      const { features, queue, compute, total } = latencyMs[which[0] as number] as Decision['latencyMs'];
      const series = metrics.versions.of(model, target.version);
      series.features.observe(features / MS_PER_SECOND);
      series.queue.observe(queue / MS_PER_SECOND);
      series.compute.observe(compute / MS_PER_SECOND);
      series.total.observe(total / MS_PER_SECOND);
      series.tally.answered(which.length, servedAt);
      metrics.predictions.answered(model, variant, which.length);
    }
  }
}

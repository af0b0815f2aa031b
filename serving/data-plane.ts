import type { Clock } from '../src/core/clock.ts';
import { isMillraceError, MillraceError } from '../src/core/millrace-error.ts';
import type { ServiceProgram } from '../src/fold/compile-service.ts';
import type { Logger } from '../src/infra/logger.ts';
import type { BatchAnswer } from './batcher/pending-request.ts';
import type { Timers } from './batcher/timers.ts';
import { countError, type DecisionCompleter } from './decisions/complete-decisions.ts';
import { createDecisionId } from './decisions/decision-id.ts';
import type { DecisionLog } from './decisions/decision-log.ts';
import { checkInclude, explainPredictions } from './decisions/explain-predictions.ts';
import { ParsedByService } from './features/parse-instances.ts';
import { readRows, type ServiceRows } from './features/read-rows.ts';
import type { ViewReader } from './features/view-reader.ts';
import { finiteScore } from './finite-score.ts';
import type { Prediction, PredictInclude, PredictOptions } from './prediction.ts';
import type { Route } from './router/model-router.ts';
import { splitKeys, splitPoint } from './router/split-point.ts';
import { assertReady, type ServedModel } from './served-model.ts';
import type { ServingMetrics } from './serving-metrics.ts';
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
  /** Where several processes share a port: whether all of them are ready. */
  readonly groupReady?: () => boolean;
  readonly logger: Logger;
}

/** Rows of one request that go to one version. */
interface Share extends Route {
  readonly which: number[];
}

interface Scored {
  readonly predictions: Prediction[];
  readonly answers: readonly BatchAnswer[];
  /** What each prediction was made from. */
  readonly made: readonly ServiceRows[];
}

interface ReadRequest {
  readonly model: ServedModel;
  readonly parsed: ParsedByService;
  readonly rowsOf: ReadonlyMap<ServiceProgram, ServiceRows>;
  readonly asOf: number;
  readonly startedAt: number;
  readonly deadline: number;
  readonly include: PredictInclude | undefined;
}

/** A request whose versions are replaced this often while it reads gives up. */
const ROUTE_ATTEMPTS_MAX = 5;

/** The path of a prediction. Transports translate to and from it and decide nothing. */
export class DataPlane {
  readonly #options: DataPlaneOptions;
  readonly #models: ReadonlyMap<string, ServedModel>;
  readonly #inFlight = new Set<Promise<unknown>>();
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
    return this.#options.groupReady?.() ?? this.settled;
  }

  /** Every model's allocation is known, its versions are loaded or rejected, and the process is not going to end. */
  get settled(): boolean {
    return !this.#retiring && this.models.every(({ router }) => router.settled);
  }

  /** @throws MODEL_NOT_FOUND */
  model(name: string): ServedModel {
    const model = this.#models.get(name);
    if (model !== undefined) return model;
    const known = [...this.#models.keys()].map((other) => `'${other}'`).join(', ');
    throw new MillraceError('MODEL_NOT_FOUND', `Model '${name}' is not in the project. It has ${known === '' ? 'none' : known}.`);
  }

  /**
   * Scores each instance by the version that its entity keys are split to.
   * @throws MODEL_NOT_FOUND, MODEL_NOT_READY, REQUEST_INVALID, STORE_UNAVAILABLE, FEATURE_AS_OF_TOO_EARLY, FEATURE_STALE,
   *   SERVING_*
   */
  async predict(name: string, instances: readonly unknown[], options: PredictOptions = {}): Promise<Prediction[]> {
    const model = this.model(name);
    const answer = this.#predict(model, instances, options);
    this.#track(answer);
    this.#options.metrics.inFlight.inc({ kind: 'predict' });
    try {
      return await answer;
    } catch (error) {
      const code = isMillraceError(error) ? error.code : 'unexpected';
      this.#options.metrics.failures.inc({ model: name, code });
      throw error;
    } finally {
      this.#options.metrics.inFlight.dec({ kind: 'predict' });
    }
  }

  retire(): void {
    this.#retiring = true;
  }

  /** Takes no more requests and resolves when those in flight, and what follows their answers, are done. */
  async drain(): Promise<void> {
    this.#retiring = true;
    this.#draining = true;
    while (this.#inFlight.size > 0) await Promise.allSettled(this.#inFlight);
  }

  /**
   * Reads what the versions of the request need and scores it. The versions were, as a rule, trained with one feature
   * service; while one trained on other versions of the views is on its way in, each instance is read as its own version
   * wants it. Versions may be replaced during the reading: what the new ones need is then read too.
   */
  async #predict(model: ServedModel, raw: readonly unknown[], options: PredictOptions): Promise<Prediction[]> {
    const { timers, clock } = this.#options;
    const startedAt = timers.now();
    const deadline = startedAt + (options.timeoutMs ?? this.#options.timeoutMs);
    const asOf = options.asOf ?? clock();
    if (options.include !== undefined) checkInclude(model, options.include);
    const parsed = new ParsedByService(model, raw, this.#options.instancesMax);
    const rowsOf = new Map<ServiceProgram, ServiceRows>();
    this.#assertOpen();
    for (let attempt = 0; attempt < ROUTE_ATTEMPTS_MAX; attempt++) {
      assertReady(model);
      const missing = this.#programsOf(model, parsed).filter((program) => !rowsOf.has(program));
      if (missing.length === 0) return this.#answer({ model, parsed, rowsOf, asOf, startedAt, deadline, include: options.include });
      const reading = Promise.all(missing.map((program) => this.#readRows(program, parsed, asOf)));
      for (const rows of await withDeadline(reading, deadline, timers)) rowsOf.set(rows.program, rows);
    }
    throw new MillraceError('MODEL_NOT_READY', `Model '${model.name}' changed its versions again and again while the request ran. Try again.`);
  }

  /** Feature services that the instances are read by, as the versions are now. */
  #programsOf(model: ServedModel, parsed: ParsedByService): ServiceProgram[] {
    const { champion, canary } = model.router.routes;
    if (champion === null) return [];
    if (canary === null || canary.target.program === champion.program) return [champion.program];
    return [...new Set(this.#split(model, parsed).map(({ target }) => target.program))];
  }

  #readRows(program: ServiceProgram, parsed: ParsedByService, asOf: number): Promise<ServiceRows> {
    const { reader, metrics } = this.#options;
    return readRows(reader, program, parsed.by(program), asOf, metrics.freshness);
  }

  async #answer({ model, parsed, rowsOf, asOf, startedAt, deadline, include }: ReadRequest): Promise<Prediction[]> {
    const { timers, clock, metrics, decisions } = this.#options;
    const featuresMs = timers.now() - startedAt;
    decisions.reserve(parsed.count);
    let scored: Scored;
    try {
      scored = await this.#score(model, parsed, rowsOf, deadline);
    } catch (error) {
      decisions.release(parsed.count);
      throw error;
    }
    const { predictions, answers, made } = scored;
    const totalMs = timers.now() - startedAt;
    const latencyMs = answers.map(({ queueMs, computeMs }) => ({
      features: featuresMs,
      queue: queueMs,
      compute: computeMs,
      total: totalMs,
    }));
    this.#observe(model, predictions, latencyMs[0] ?? { features: featuresMs, queue: 0, compute: 0, total: totalMs });
    const rowsFor = (program: ServiceProgram): Promise<ServiceRows> => this.#readRows(program, parsed, asOf);
    const answered = { model, made, rowsFor, predictions, asOf, servedAt: clock(), latencyMs };
    // After the answer: building decisions and asking the shadow must not delay it.
    this.#track(
      new Promise<void>((resolve) => {
        setImmediate(resolve);
      })
        .then(() => this.#options.completer.complete(answered))
        .catch((error: unknown) => {
          this.#options.logger.error({ err: error }, 'decisions could not be completed');
        }),
    );
    metrics.features.observe({ model: model.name }, featuresMs / 1_000);
    return include === undefined ? predictions : explainPredictions(answered, include);
  }

  #assertOpen(): void {
    if (this.#draining) {
      throw new MillraceError('SERVING_DRAINING', 'Prediction was refused: this serving process is shutting down. Try another one.');
    }
  }

  /** Splits, encodes and submits in one turn, so that no version is replaced in between. */
  async #score(
    model: ServedModel,
    parsed: ParsedByService,
    rowsOf: ReadonlyMap<ServiceProgram, ServiceRows>,
    deadline: number,
  ): Promise<Scored> {
    const shares = this.#split(model, parsed);
    const predictions = new Array<Prediction>(parsed.count);
    const answers = new Array<BatchAnswer>(parsed.count);
    const made = new Array<ServiceRows>(parsed.count);
    const now = this.#options.clock();
    const scoreShare = async ({ target, variant, which }: Share): Promise<void> => {
      try {
        const read = rowsOf.get(target.program) as ServiceRows;
        const answer = await target.score(read.rows, which, deadline);
        const { version, digest, signature } = target;
        which.forEach((i, k) => {
          const score = finiteScore(answer.scores[k], model.name, version);
          const label = score >= signature.threshold;
          predictions[i] = { decisionId: createDecisionId(now), score, label, version, variant, digest };
          answers[i] = answer;
          made[i] = read;
        });
      } catch (error) {
        countError(model, target.version);
        throw error;
      }
    };
    await Promise.all(shares.map(scoreShare));
    return { predictions, answers, made };
  }

  #split(model: ServedModel, parsed: ParsedByService): Share[] {
    const { champion } = model.router.routes;
    const shares = new Map<Route['target'], Share>();
    if (champion === null) return [];
    parsed.by(champion.program).forEach(({ row, exampleId }, i) => {
      const keys = splitKeys(champion.keyFields, row, exampleId, () => createDecisionId(this.#options.clock()));
      const route = model.router.route(splitPoint(model.name, keys)) as Route;
      const share = shares.get(route.target);
      if (share === undefined) shares.set(route.target, { ...route, which: [i] });
      else share.which.push(i);
    });
    return [...shares.values()];
  }

  #observe(model: ServedModel, predictions: readonly Prediction[], latencyMs: { queue: number; compute: number; total: number }): void {
    const { metrics } = this.#options;
    const labels = { model: model.name };
    metrics.total.observe(labels, latencyMs.total / 1_000);
    metrics.queue.observe(labels, latencyMs.queue / 1_000);
    metrics.compute.observe(labels, latencyMs.compute / 1_000);
    for (const { variant } of predictions) metrics.predictions.inc({ model: model.name, variant });
  }

  #track(work: Promise<unknown>): void {
    this.#inFlight.add(work);
    const forget = (): void => {
      this.#inFlight.delete(work);
    };
    work.then(forget, forget);
  }
}

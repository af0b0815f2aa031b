import type { TensorSpec } from '../../src/contracts/tensor.ts';
import { MillraceError } from '../../src/core/millrace-error.ts';
import type { Timers } from '../batcher/timers.ts';
import type { DataPlane } from '../data-plane.ts';
import { countError } from '../decisions/complete-decisions.ts';
import { finiteScore } from '../finite-score.ts';
import type { NoteWait } from '../limit/concurrency-limiter.ts';
import { findVersion, requireVersion } from '../router/require-version.ts';
import type { RoutedVersion } from '../router/model-router.ts';
import type { ServingVersion } from '../router/serving-version.ts';
import type { ServedModel } from '../served-model.ts';
import type { ServingMetrics } from '../serving-metrics.ts';
import { TensorInference } from '../tensors/tensor-inference.ts';
import type { TensorModel, TensorModels } from '../tensors/tensor-models.ts';
import { inputProblems, wantedOutputs } from './check-tensors.ts';
import type { InferAnswer, InferRequest } from './infer-request.ts';
import { configurationOf, tensorConfigurationOf, type ModelConfiguration } from './model-configuration.ts';
import { statisticsOf, type ModelStatistics } from './model-statistics.ts';
import { outputsOf, tensorsOf } from './version-tensors.ts';

export interface OpenInferenceOptions {
  readonly dataPlane: DataPlane;
  readonly tensorModels: Pick<TensorModels, 'all' | 'find'>;
  readonly metrics: ServingMetrics;
  readonly timers: Timers;
  /** Of Millrace. */
  readonly version: string;
  readonly rowsMax: number;
  readonly timeoutMs: number;
}

export interface ServerMetadata {
  readonly name: string;
  readonly version: string;
  readonly extensions: readonly string[];
}

export interface ModelMetadata {
  readonly name: string;
  readonly versions: readonly string[];
  readonly platform: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** A version in the model repository extension's words. */
export interface RepositoryEntry {
  readonly name: string;
  readonly version: string;
  readonly state: 'READY' | 'LOADING' | 'UNAVAILABLE';
  readonly reason: string;
}

const EXTENSIONS = ['binary_tensor_data', 'model_repository', 'model_configuration', 'statistics'];
const MS_PER_SECOND = 1_000;

/**
 * The Open Inference Protocol v2 over the models of a serving process, whatever the transport. Raw tensors have no entity
 * keys: they are scored by the version that is named, or by the champion, and leave no decision. Models without a feature service
 * take and answer their graphs' own tensors.
 */
export class OpenInference {
  readonly #options: OpenInferenceOptions;
  readonly #tensorInference: TensorInference;

  constructor(options: OpenInferenceOptions) {
    this.#options = options;
    this.#tensorInference = new TensorInference(options);
  }

  get ready(): boolean {
    return this.#options.dataPlane.ready;
  }

  /** The project's models, then those that only the registry has. */
  get models(): readonly (ServedModel | TensorModel)[] {
    const { dataPlane, tensorModels } = this.#options;
    return [...dataPlane.models, ...tensorModels.all];
  }

  get serverMetadata(): ServerMetadata {
    return { name: 'millrace', version: this.#options.version, extensions: EXTENSIONS };
  }

  /** @throws MODEL_NOT_FOUND */
  modelReady(name: string, version?: string): boolean {
    const model = this.#tensorModel(name);
    if (model !== undefined) return findVersion(model, version) !== undefined;
    return findVersion(this.#options.dataPlane.model(name), version) !== undefined;
  }

  /** @throws MODEL_NOT_FOUND, MODEL_VERSION_NOT_FOUND, MODEL_NOT_READY */
  modelMetadata(name: string, version?: string): ModelMetadata {
    const tensorModel = this.#tensorModel(name);
    if (tensorModel !== undefined) {
      const versions = tensorModel.router.loaded.map((one) => String(one.version));
      return { name, versions, ...this.#tensorInference.describe(tensorModel, version) };
    }
    const model = this.#options.dataPlane.model(name);
    const target = requireVersion(model, version);
    const versions = model.router.loaded.map((one) => String(one.version));
    return { name, versions, platform: target.platform, ...tensorsOf(target) };
  }

  /** @throws MODEL_NOT_FOUND, MODEL_VERSION_NOT_FOUND, MODEL_NOT_READY */
  modelConfiguration(name: string, version?: string): ModelConfiguration {
    const { timeoutMs } = this.#options;
    const model = this.#model(name);
    const configured = { name, versions: model.router.loaded.map((one) => one.version), timeoutMs };
    return 'definition' in model
      ? configurationOf(requireVersion(model, version), configured)
      : tensorConfigurationOf(requireVersion(model, version), configured);
  }

  /**
   * Of every loaded version, or of the one that is named; of every model, where none is named.
   * @throws MODEL_NOT_FOUND, MODEL_VERSION_NOT_FOUND, MODEL_NOT_READY
   */
  modelStatistics(name?: string, version?: string): ModelStatistics[] {
    if (name === undefined) return this.models.flatMap((model) => this.#statistics(model));
    const model = this.#model(name);
    return version === undefined ? this.#statistics(model) : this.#statistics(model, requireVersion<RoutedVersion>(model, version));
  }

  #statistics({ name, router, errorsByVersion }: ServedModel | TensorModel, only?: RoutedVersion): ModelStatistics[] {
    const { versions } = this.#options.metrics;
    return (only === undefined ? router.loaded : [only]).map(({ version }) =>
      statisticsOf(name, version, versions.find(name, version), errorsByVersion.get(version) ?? 0),
    );
  }

  /** Every version that is allocated: whether this process has it, and if not why. */
  repositoryIndex(readyOnly: boolean): RepositoryEntry[] {
    const entries = this.models.flatMap(({ name, router }) =>
      router.versions.map(({ version, state, reason }) => ({ name, version: String(version), state: stateNames[state], reason })),
    );
    return readyOnly ? entries.filter(({ state }) => state === 'READY') : entries;
  }

  /** A request as its transport reads it; one that can't be read is counted. */
  reading<T>(model: string, read: () => T): T {
    return this.#options.dataPlane.reading(model, read);
  }

  /** @throws MODEL_NOT_FOUND, MODEL_VERSION_NOT_FOUND, MODEL_NOT_READY, REQUEST_INVALID, SERVING_* */
  async infer(request: InferRequest): Promise<InferAnswer> {
    const { metrics, timers, dataPlane } = this.#options;
    const model: ServedModel | TensorModel = this.#tensorModel(request.model) ?? dataPlane.reading(request.model, () => dataPlane.model(request.model));
    const { name } = model;
    const startedAt = request.arrivedAt ?? timers.now();
    request.trace?.span.set({ 'millrace.model': name });
    metrics.inFlight.infer++;
    try {
      const answer = await model.limiter.run(request.priority, (noteWait) =>
        'definition' in model ? this.#infer(model, request, { startedAt, noteWait }) : this.#tensorInference.infer(model, request, noteWait),
      );
      metrics.requests.answered(name, timers.now() - startedAt);
      return answer;
    } catch (error) {
      metrics.requests.failed(name, error);
      throw error;
    } finally {
      metrics.inFlight.infer--;
    }
  }

  /** @throws MODEL_NOT_FOUND */
  #model(name: string): ServedModel | TensorModel {
    return this.#tensorModel(name) ?? this.#options.dataPlane.model(name);
  }

  /** What the project defines goes before what the registry has beside it. */
  #tensorModel(name: string): TensorModel | undefined {
    const { dataPlane, tensorModels } = this.#options;
    return dataPlane.models.some((model) => model.name === name) ? undefined : tensorModels.find(name);
  }

  async #infer(model: ServedModel, request: InferRequest, { startedAt, noteWait }: { startedAt: number; noteWait: NoteWait }): Promise<InferAnswer> {
    const { timers, metrics, timeoutMs } = this.#options;
    const target = requireVersion(model, request.version);
    const wanted = this.#checked(model, target, request);
    const scores = await this.#scores(model, target, request, startedAt + (request.timeoutMs ?? timeoutMs), noteWait);
    const role = model.router.roleOf(target);
    const { total, tally } = metrics.versions.of(model.name, target.version);
    total.observe((timers.now() - startedAt) / MS_PER_SECOND);
    tally.answered(scores.length, Date.now());
    metrics.predictions.answered(model.name, role, scores.length);
    const { version, digest, signature } = target;
    return { model: model.name, version, role, digest, id: request.id, outputs: outputsOf(wanted, scores, signature.threshold) };
  }

  #checked(model: ServedModel, target: ServingVersion, request: InferRequest): TensorSpec[] {
    const { inputs, outputs } = tensorsOf(target);
    const problems = inputProblems(inputs, request.inputs, this.#options.rowsMax);
    const wanted = wantedOutputs(outputs, request.outputs, problems);
    if (problems.length === 0) return wanted;
    throw new MillraceError(
      'REQUEST_INVALID',
      `Inference by model '${model.name}' version ${target.version}: ${problems.join('; ')}. GET /v2/models/${model.name} has its tensors.`,
    );
  }

  async #scores(model: ServedModel, target: ServingVersion, request: InferRequest, deadline: number, noteWait: NoteWait): Promise<Float32Array> {
    const { inputs, priority, departure, trace } = request;
    // The one input that there is, of the datatype that was checked.
    const features = inputs[0]?.elements as Float32Array;
    const rowsTrace = trace?.rows(target, features.length / target.columns);
    try {
      const answer = await target.scoreTensor(features, deadline, { priority, departure, trace: rowsTrace });
      rowsTrace?.answered(answer);
      noteWait(answer.queueMs);
      const { queue, compute } = this.#options.metrics.versions.of(model.name, target.version);
      queue.observe(answer.queueMs / MS_PER_SECOND);
      compute.observe(answer.computeMs / MS_PER_SECOND);
      for (const score of answer.scores) finiteScore(score, model.name, target.version);
      return answer.scores;
    } catch (error) {
      rowsTrace?.failed(error);
      countError(model, target.version, error);
      throw error;
    }
  }
}

const stateNames = { loaded: 'READY', loading: 'LOADING', rejected: 'UNAVAILABLE', unloaded: 'UNAVAILABLE' } as const;

import { isUtf8 } from 'node:buffer';
import type { TensorSpec } from '../../src/contracts/tensor.ts';
import { MillraceError } from '../../src/core/millrace-error.ts';
import type { Timers } from '../batcher/timers.ts';
import { countError } from '../decisions/complete-decisions.ts';
import { inputProblem, inputProblems, wantedOutputs } from '../inference/check-tensors.ts';
import type { InferAnswer, InferRequest } from '../inference/infer-request.ts';
import type { NoteWait } from '../limit/concurrency-limiter.ts';
import { requireVersion } from '../router/require-version.ts';
import type { ServingMetrics } from '../serving-metrics.ts';
import type { TensorModel } from './tensor-models.ts';
import type { RunnableVersion } from './runnable-version.ts';

export interface TensorInferenceOptions {
  readonly metrics: ServingMetrics;
  readonly timers: Timers;
  readonly rowsMax: number;
  readonly timeoutMs: number;
}

const MS_PER_SECOND = 1_000;

/** Inference by models without a feature service: their graphs' own tensors, in and out. They leave no decisions. */
export class TensorInference {
  readonly #options: TensorInferenceOptions;

  constructor(options: TensorInferenceOptions) {
    this.#options = options;
  }

  /** @throws MODEL_VERSION_NOT_FOUND, MODEL_NOT_READY */
  describe(model: TensorModel, version: string | undefined): { platform: string; inputs: readonly TensorSpec[]; outputs: readonly TensorSpec[] } {
    const { platform, signature } = requireVersion(model, version);
    return { platform, inputs: signature.inputs, outputs: signature.outputs };
  }

  /** @throws MODEL_VERSION_NOT_FOUND, MODEL_NOT_READY, REQUEST_INVALID, REQUEST_TOO_LARGE, SERVING_* */
  async infer(model: TensorModel, request: InferRequest, noteWait: NoteWait): Promise<InferAnswer> {
    const { timers, metrics, timeoutMs } = this.#options;
    const startedAt = request.arrivedAt ?? timers.now();
    const target = requireVersion(model, request.version);
    const wanted = this.#checked(model, target, request);
    try {
      const answer = await target.run(request.inputs, startedAt + (request.timeoutMs ?? timeoutMs), request);
      noteWait(answer.queueMs);
      const role = model.router.roleOf(target);
      const { queue, compute, total, tally } = metrics.versions.of(model.name, target.version);
      queue.observe(answer.queueMs / MS_PER_SECOND);
      compute.observe(answer.computeMs / MS_PER_SECOND);
      total.observe((timers.now() - startedAt) / MS_PER_SECOND);
      const rows = target.signature.batched ? (request.inputs[0]?.shape[0] ?? 1) : 1;
      tally.answered(rows, Date.now());
      metrics.predictions.answered(model.name, role, rows);
      const outputs = wanted.flatMap((spec) => answer.outputs.filter(({ name }) => name === spec.name));
      const { version, digest } = target;
      return { model: model.name, version, role, digest, id: request.id, outputs };
    } catch (error) {
      countError(model, target.version, error);
      throw error;
    }
  }

  #checked({ name }: TensorModel, { version, signature }: RunnableVersion, request: InferRequest): TensorSpec[] {
    const { inputs, outputs, batched } = signature;
    const problems = inputProblems(inputs, request.inputs, batched ? this.#options.rowsMax : null);
    for (const { name: input, datatype, elements } of request.inputs) {
      const wrong = datatype === 'BYTES' ? (elements as readonly Uint8Array[]).findIndex((bytes) => !isUtf8(bytes)) : -1;
      if (wrong >= 0) problems.push(inputProblem(input, `element ${wrong} is no text in UTF-8`));
    }
    const wanted = wantedOutputs(outputs, request.outputs, problems);
    if (problems.length === 0) return wanted;
    throw new MillraceError(
      'REQUEST_INVALID',
      `Inference by model '${name}' version ${version}: ${problems.join('; ')}. GET /v2/models/${name} has its tensors.`,
    );
  }
}

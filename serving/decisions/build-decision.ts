import type { Decision, ViewRead } from '../../src/contracts/decision.ts';
import { requestKeyOf } from '../../src/fold/compile-service.ts';
import { fenceOf, type ViewState } from '../../src/fold/view-state.ts';
import type { ParsedInstance } from '../features/parse-instances.ts';
import type { Prediction } from '../prediction.ts';
import type { FeatureRows } from '../router/row-encoder.ts';
import type { ServedModel } from '../served-model.ts';

/** All that one request left behind. */
export interface AnsweredRequest {
  readonly model: ServedModel;
  readonly instances: readonly ParsedInstance[];
  /** One per instance and view, in the service's order. */
  readonly states: readonly (ViewState | null)[];
  readonly rows: FeatureRows;
  readonly predictions: readonly Prediction[];
  readonly asOf: number;
  readonly servedAt: number;
  readonly latencyMs: readonly Decision['latencyMs'][];
}

/** The decision of instance `i`, before a shadow has scored it. */
export function buildDecision(request: AnsweredRequest, i: number): Decision {
  const { model, rows } = request;
  const { program } = model;
  const { decisionId, version, digest, variant, score } = request.predictions[i] as Prediction;
  const { row, exampleId } = request.instances[i] as ParsedInstance;
  const numbers = rows.numbers.subarray(i * program.numericNames.length, (i + 1) * program.numericNames.length);
  const categoriesAt = i * program.categoryNames.length;
  return {
    id: decisionId,
    model: model.name,
    version,
    digest,
    variant,
    exampleId,
    asOf: request.asOf,
    servedAt: request.servedAt,
    instance: row,
    numbers: Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength).toString('base64'),
    categories: rows.categories.slice(categoriesAt, categoriesAt + program.categoryNames.length),
    reads: viewReads(request, i, row),
    score,
    shadow: null,
    latencyMs: request.latencyMs[i] as Decision['latencyMs'],
  };
}

/** A view whose entity key is null was not read. */
function viewReads(request: AnsweredRequest, i: number, row: ParsedInstance['row']): ViewRead[] {
  const { views } = request.model.program;
  return views.flatMap((program, v): ViewRead[] => {
    const entityKey = requestKeyOf(program, row);
    if (entityKey === null) return [];
    const state = request.states[i * views.length + v] ?? null;
    return [
      {
        view: program.name,
        version: program.version,
        entityKey,
        fence: state === null ? {} : fenceOf(state),
        newestKnownTime: state !== null && Number.isFinite(state.newestKnownTime) ? state.newestKnownTime : null,
      },
    ];
  });
}

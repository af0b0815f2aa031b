import type { Decision, ViewRead } from '../../src/contracts/decision.ts';
import type { TraceContext } from '../../src/infra/trace-context.ts';
import { requestKeyOf } from '../../src/fold/compile-service.ts';
import { fenceOf } from '../../src/fold/view-state.ts';
import type { ParsedByService, ParsedInstance } from '../features/parse-instances.ts';
import type { ServiceRows } from '../features/read-rows.ts';
import type { Prediction } from '../prediction.ts';
import type { ServedModel } from '../served-model.ts';

/** All that one request left behind. */
export interface AnsweredRequest {
  readonly model: ServedModel;
  readonly parsed: ParsedByService;
  /** Per prediction: the instances as its version read them, all of them. */
  readonly made: readonly ServiceRows[];
  /** By index of a prediction of an experiment: what its arm was assigned by. */
  readonly units: ReadonlyMap<number, string>;
  readonly predictions: readonly Prediction[];
  readonly asOf: number;
  readonly servedAt: number;
  readonly latencyMs: readonly Decision['latencyMs'][];
  /** The request's place in its trace, where it is recorded. */
  readonly cause?: TraceContext | undefined;
}

/** The decision of instance `i`, before a shadow has scored it. */
export function buildDecision(request: AnsweredRequest, i: number): Decision {
  const { model } = request;
  const made = request.made[i] as ServiceRows;
  const { program, rows } = made;
  const { decisionId, version, digest, variant, score } = request.predictions[i] as Prediction;
  const { row, exampleId } = made.instances[i] as ParsedInstance;
  const numbers = rows.numbers.subarray(i * program.numericNames.length, (i + 1) * program.numericNames.length);
  const categoriesAt = i * program.categoryNames.length;
  return {
    id: decisionId,
    model: model.name,
    version,
    digest,
    variant,
    unit: request.units.get(i),
    exampleId,
    asOf: request.asOf,
    servedAt: request.servedAt,
    instance: row,
    numbers: Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength).toString('base64'),
    categories: rows.categories.slice(categoriesAt, categoriesAt + program.categoryNames.length),
    reads: viewReads(made, i, row),
    score,
    shadow: null,
    latencyMs: request.latencyMs[i] as Decision['latencyMs'],
  };
}

/** A view whose entity key is null was not read. */
function viewReads({ program: { views }, states }: ServiceRows, i: number, row: ParsedInstance['row']): ViewRead[] {
  const reads: ViewRead[] = [];
  for (let v = 0; v < views.length; v++) {
    const { name: view, version } = views[v]!;
    const entityKey = requestKeyOf(views[v]!, row);
    if (entityKey === null) continue;
    const state = states[i * views.length + v] ?? null;
    const newestKnownTime = state !== null && Number.isFinite(state.newestKnownTime) ? state.newestKnownTime : null;
    reads.push({ view, version, entityKey, fence: state === null ? {} : fenceOf(state), newestKnownTime });
  }
  return reads;
}

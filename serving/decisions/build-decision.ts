import type { Decision } from '../../src/contracts/decision.ts';
import type { TraceContext } from '../../src/infra/trace-context.ts';
import type { DecisionKind, DecisionValues } from '../../src/store/decision-frame.ts';
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
  /** Per prediction: what it has in common with others of its version and variant. */
  readonly kinds: readonly DecisionKind[];
  /** By index of a prediction of an experiment: what its arm was assigned by. */
  readonly units: readonly (string | undefined)[];
  readonly predictions: readonly Prediction[];
  readonly asOf: number;
  readonly servedAt: number;
  readonly latencyMs: readonly Decision['latencyMs'][];
  /** The request's place in its trace, where it is recorded. */
  readonly cause?: TraceContext | undefined;
}

/** The decision of instance `i`, with what a shadow made of it, if one has scored it. */
export function buildDecision(request: AnsweredRequest, i: number, shadow: Decision['shadow']): DecisionValues {
  const { instances, rows, asked, states } = request.made[i] as ServiceRows;
  const { decisionId: id, score } = request.predictions[i] as Prediction;
  const { row: instance, exampleId } = instances[i] as ParsedInstance;
  return {
    id,
    unit: request.units[i],
    exampleId,
    asOf: request.asOf,
    servedAt: request.servedAt,
    row: i,
    instance,
    numbers: rows.numbers,
    categories: rows.categories,
    asked,
    states,
    score,
    shadow,
    latencyMs: request.latencyMs[i] as Decision['latencyMs'],
  };
}

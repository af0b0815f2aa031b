import type { Decision, ViewRead } from '../../src/contracts/decision.ts';
import type { TraceContext } from '../../src/infra/trace-context.ts';
import { requestKeyOf, type ServiceProgram } from '../../src/fold/compile-service.ts';
import { fenceOf } from '../../src/fold/view-state.ts';
import type { ParsedInstance } from '../features/parse-instances.ts';
import type { ServiceRows } from '../features/read-rows.ts';
import type { Prediction } from '../prediction.ts';
import type { ServedModel } from '../served-model.ts';

/** All that one request left behind. */
export interface AnsweredRequest {
  readonly model: ServedModel;
  /** Per prediction: the instances as its version read them, all of them. */
  readonly made: readonly ServiceRows[];
  /** By index of a prediction of an experiment: what its arm was assigned by. */
  readonly units: ReadonlyMap<number, string>;
  /** Reads the instances as another service wants them. */
  readonly rowsFor: (program: ServiceProgram) => Promise<ServiceRows>;
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
  const unit = request.units.get(i);
  const categoriesAt = i * program.categoryNames.length;
  return {
    id: decisionId,
    model: model.name,
    version,
    digest,
    variant,
    ...(unit === undefined ? {} : { unit }),
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
  return views.flatMap((program, v): ViewRead[] => {
    const entityKey = requestKeyOf(program, row);
    if (entityKey === null) return [];
    const state = states[i * views.length + v] ?? null;
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

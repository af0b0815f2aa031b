import { isArmVariant } from '../src/contracts/experiment.ts';
import type { ServiceProgram } from '../src/fold/compile-service.ts';
import type { BatchAnswer } from './batcher/pending-request.ts';
import { countError } from './decisions/complete-decisions.ts';
import { createDecisionId } from './decisions/decision-id.ts';
import type { ParsedByService } from './features/parse-instances.ts';
import type { ServiceRows } from './features/read-rows.ts';
import { finiteScore } from './finite-score.ts';
import type { Prediction, PredictOptions } from './prediction.ts';
import type { Route } from './router/model-router.ts';
import { splitKeys, unitOf } from './router/split-point.ts';
import type { ServedModel } from './served-model.ts';

/** Rows of one request that go to one version as one variant. */
interface Share extends Route {
  readonly which: number[];
  /** Of each of them, where an experiment has it: what its arm was assigned by. */
  readonly units: string[];
}

export interface Scored {
  readonly shares: readonly Share[];
  readonly predictions: Prediction[];
  readonly answers: readonly BatchAnswer[];
  /** What each prediction was made from. */
  readonly made: readonly ServiceRows[];
  /** By index of a prediction of an experiment: what its arm was assigned by. */
  readonly units: ReadonlyMap<number, string>;
}

export interface ScoreRequest {
  readonly model: ServedModel;
  readonly parsed: ParsedByService;
  readonly rowsOf: ReadonlyMap<ServiceProgram, ServiceRows>;
  /** On the scale of the batchers' timers. */
  readonly deadline: number;
  /** Ms since the epoch: ids of decisions begin with it. */
  readonly now: number;
  readonly options: PredictOptions;
}

/**
 * Scores each instance by the version that its entity keys are split to. Splits, encodes and submits in one turn, so that no
 * version is replaced in between.
 * @throws SERVING_*
 */
export async function scoreByVersion(request: ScoreRequest): Promise<Scored> {
  const { model, parsed, rowsOf, deadline, now, options } = request;
  const { priority, departure, trace } = options;
  const shares = splitByVersion(request);
  const predictions = new Array<Prediction>(parsed.count);
  const answers = new Array<BatchAnswer>(parsed.count);
  const made = new Array<ServiceRows>(parsed.count);
  const units = new Map<number, string>();
  const scoreShare = async ({ target, variant, which, units: unitsOfShare }: Share): Promise<void> => {
    const rowsTrace = trace?.rows(target, which.length);
    try {
      const read = rowsOf.get(target.program) as ServiceRows;
      const answer = await target.score(read.rows, which, deadline, { priority, departure, trace: rowsTrace });
      rowsTrace?.answered(answer);
      const { version, digest, signature } = target;
      which.forEach((i, k) => {
        const score = finiteScore(answer.scores[k], model.name, version);
        const label = score >= signature.threshold;
        predictions[i] = { decisionId: createDecisionId(now), score, label, version, variant, digest };
        answers[i] = answer;
        made[i] = read;
        const unit = unitsOfShare[k];
        if (unit !== undefined) units.set(i, unit);
      });
    } catch (error) {
      rowsTrace?.failed(error);
      countError(model, target.version, error);
      throw error;
    }
  };
  await Promise.all(shares.map(scoreShare));
  return { shares, predictions, answers, made, units };
}

/** Which version answers which instance, as the allocation is now. */
export function splitByVersion({ model, parsed, now }: Pick<ScoreRequest, 'model' | 'parsed' | 'now'>): Share[] {
  const { champion } = model.router.routes;
  const shares = new Map<string, Share>();
  if (champion === null) return [];
  parsed.by(champion.program).forEach(({ row, exampleId }, i) => {
    const keys = splitKeys(champion.keyFields, row, exampleId, () => createDecisionId(now));
    const route = model.router.routeOf(keys) as Route;
    let share = shares.get(route.variant);
    if (share === undefined) shares.set(route.variant, (share = { target: route.target, variant: route.variant, which: [], units: [] }));
    share.which.push(i);
    if (isArmVariant(route.variant)) share.units.push(unitOf(keys));
  });
  return [...shares.values()];
}

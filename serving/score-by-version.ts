import { isArmVariant } from '../src/contracts/experiment.ts';
import type { DecisionKind } from '../src/store/decision-frame.ts';
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

/** By index of an instance, all but the shares. */
export interface Scored {
  readonly shares: readonly Share[];
  readonly predictions: Prediction[];
  readonly answers: BatchAnswer[];
  /** What each prediction was made from. */
  readonly made: ServiceRows[];
  readonly kinds: DecisionKind[];
  /** Of a prediction of an experiment: what its arm was assigned by. */
  readonly units: (string | undefined)[];
}

export interface ScoreRequest {
  readonly model: ServedModel;
  readonly parsed: ParsedByService;
  /** By the program of each version. */
  readonly reads: readonly ServiceRows[];
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
  const { count } = request.parsed;
  const scored: Scored = {
    shares: splitByVersion(request),
    predictions: new Array<Prediction>(count),
    answers: new Array<BatchAnswer>(count),
    made: new Array<ServiceRows>(count),
    kinds: new Array<DecisionKind>(count),
    units: [],
  };
  const [first] = scored.shares;
  // As a rule there is one, which needs no promise of a list.
  if (first !== undefined && scored.shares.length === 1) await scoreShare(request, first, scored);
  else await Promise.all(scored.shares.map((share) => scoreShare(request, share, scored)));
  return scored;
}

async function scoreShare({ model, reads, deadline, now, options }: ScoreRequest, { target, variant, which, units }: Share, scored: Scored): Promise<void> {
  const { priority, departure } = options;
  const { program, version, digest, signature } = target;
  const trace = options.trace?.rows(target, which.length);
  try {
    const read = reads.find((one) => one.program === program) as ServiceRows;
    const answer = await target.score(read.rows, which, deadline, { priority, departure, trace });
    trace?.answered(answer);
    const kind = target.decisionKind(model.name, variant);
    for (let k = 0; k < which.length; k++) {
      const i = which[k]!;
      const score = finiteScore(answer.scores[k], model.name, version);
      const label = score >= signature.threshold;
      scored.predictions[i] = { decisionId: createDecisionId(now), score, label, version, variant, digest };
      scored.answers[i] = answer;
      scored.made[i] = read;
      scored.kinds[i] = kind;
      const unit = units[k];
      if (unit !== undefined) scored.units[i] = unit;
    }
  } catch (error) {
    trace?.failed(error);
    if (options.asksAgain?.(error) !== true) countError(model, version, error);
    throw error;
  }
}

/** Which version answers which instance, as the allocation is now. */
export function splitByVersion({ model, parsed, now }: Pick<ScoreRequest, 'model' | 'parsed' | 'now'>): Share[] {
  const { champion, canary, arms } = model.router.routes;
  if (champion === null) return [];
  if (canary === null && arms === null)
    return [{ target: champion, variant: 'champion', which: Array.from({ length: parsed.count }, (_, i) => i), units: [] }];
  const shares = new Map<string, Share>();
  const draw = (): string => createDecisionId(now);
  parsed.by(champion.program).forEach(({ row, exampleId }, i) => {
    const keys = splitKeys(champion.keyFields, row, exampleId, () => parsed.drawn(i, draw));
    const route = model.router.routeOf(keys) as Route;
    let share = shares.get(route.variant);
    if (share === undefined) shares.set(route.variant, (share = { target: route.target, variant: route.variant, which: [], units: [] }));
    share.which.push(i);
    if (isArmVariant(route.variant)) share.units.push(unitOf(keys));
  });
  return [...shares.values()];
}

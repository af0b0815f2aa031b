import { figure } from './figures.ts';
import { ANSWERS_MIN, describeComparison, judgeShadow } from './judge-shadow.ts';
import type { PairedOutcomes, RolloutEvidence, RolloutPolicy, RolloutStage } from './lifecycle.ts';

export interface Judgement {
  readonly verdict: 'continue' | 'advance' | 'breach';
  readonly reason: string;
}

/** A slower candidate matters only from this difference on: below it the ratio is noise of the machine. */
const LATENCY_FLOOR_MS = 2;
/** A difference of log losses that chance explains (two standard errors) is no breach. */
const STANDARD_ERRORS = 2;

/**
 * Judges one look at a step: a breach ends the rollout, `advance` ends the step, `continue` asks for more
 * evidence. Breaches are looked for first, in order of harm: errors, latency, scores, answers of a shadow, outcomes of each group, outcomes of the same decisions.
 */
export function judgeRollout(policy: RolloutPolicy, stage: RolloutStage, evidence: RolloutEvidence): Judgement {
  const breach = [errorBreach, latencyBreach, scoreBreach, answerBreach, outcomeBreach, pairedBreach]
    .map((check) => check(policy, evidence))
    .find((reason) => reason !== null);
  if (breach !== undefined && breach !== null) return { verdict: 'breach', reason: breach };
  const [found, wanted, what] =
    stage.kind === 'shadow'
      ? ([evidence.shadowAnswers, policy.shadowDecisions, 'shadow answers'] as const)
      : ([evidence.candidateOutcomes, policy.outcomesPerStep, 'outcomes of the candidate'] as const);
  if (found < wanted) return { verdict: 'continue', reason: `${found} of ${wanted} ${what}` };
  return { verdict: 'advance', reason: `${found} ${what}${comparison(evidence)}` };
}

type Check = (policy: RolloutPolicy, evidence: RolloutEvidence) => string | null;

/** Whether the candidate's answers, or outcomes, are enough to be compared with the champion's, which may have few of its own where most requests are the candidate's. */
const canCompare = (candidate: number, champion: number | undefined): boolean => candidate >= ANSWERS_MIN && (champion ?? ANSWERS_MIN) >= ANSWERS_MIN;

const answersOf = (evidence: RolloutEvidence): number => evidence.candidateDecisions + evidence.shadowAnswers;

const errorBreach: Check = (policy, { candidateErrors, ...evidence }) => {
  const asked = answersOf({ candidateErrors, ...evidence }) + candidateErrors;
  // One error among few answers is above any small rate; it is forgiven where errors are at all.
  const allowed = policy.maxErrorRate === 0 ? 0 : Math.max(1, policy.maxErrorRate * asked);
  if (candidateErrors <= allowed) return null;
  return `${candidateErrors} errors of the candidate in ${asked} answers, allowed is a rate of ${policy.maxErrorRate}`;
};

const latencyBreach: Check = (policy, evidence) => {
  const { candidateLatencyP95Ms: candidate, championLatencyP95Ms: champion, candidateDecisions, championDecisions } = evidence;
  if (candidate === null || champion === null || !canCompare(candidateDecisions, championDecisions)) return null;
  if (candidate <= champion * policy.maxLatencyRatio || candidate - champion < LATENCY_FLOOR_MS) return null;
  return `latency p95 ${figure(candidate)} ms against the champion's ${figure(champion)} ms, allowed is ${policy.maxLatencyRatio} times`;
};

const scoreBreach: Check = (policy, evidence) => {
  const { meanScoreDifference: difference, meanScoreStandardError, championDecisions } = evidence;
  if (difference === null || !canCompare(answersOf(evidence), championDecisions)) return null;
  const chance = STANDARD_ERRORS * (meanScoreStandardError ?? 0);
  if (Math.abs(difference) <= policy.maxMeanScoreDifference + chance) return null;
  return `mean score differs from the champion's by ${figure(difference)}, allowed is ${policy.maxMeanScoreDifference} and ${figure(chance)} for chance`;
};

const answerBreach: Check = (policy, { comparison = null }) => (comparison === null ? null : judgeShadow(policy, comparison));

const outcomeBreach: Check = (policy, { candidateOutcomes: outcomes, championOutcomes, candidateLogLoss, championLogLoss, logLossStandardError }) => {
  if (candidateLogLoss === null || championLogLoss === null || !canCompare(outcomes, championOutcomes)) return null;
  const increase = increaseBeyond(policy, { outcomes, candidateLogLoss, championLogLoss, logLossStandardError });
  if (increase === null) return null;
  return `log loss ${figure(candidateLogLoss)} against the champion's ${figure(championLogLoss)} over ${outcomes} outcomes, ${increase}`;
};

/** What is allowed, where the candidate's log loss is higher by more than that and than chance explains; null elsewhere. */
function increaseBeyond({ maxCanaryLogLossIncrease: allowed }: RolloutPolicy, { outcomes, candidateLogLoss, championLogLoss, logLossStandardError }: PairedOutcomes): string | null {
  if (outcomes < ANSWERS_MIN) return null;
  const chance = STANDARD_ERRORS * (logLossStandardError ?? 0);
  if (candidateLogLoss - championLogLoss <= allowed + chance) return null;
  return `allowed is an increase of ${allowed} and ${figure(chance)} for chance`;
}

const pairedBreach: Check = (policy, { paired = null }) => {
  const increase = paired === null ? null : increaseBeyond(policy, paired);
  return paired === null || increase === null ? null : `log loss ${describePairs(paired)}, ${increase}`;
};

const describePairs = ({ outcomes, candidateLogLoss, championLogLoss }: PairedOutcomes): string =>
  `on the same ${outcomes} decisions ${figure(candidateLogLoss)} against the champion's ${figure(championLogLoss)}`;

function comparison(evidence: RolloutEvidence): string {
  const { candidateLogLoss, championLogLoss, meanScoreDifference, comparison: compared = null, paired = null } = evidence;
  const parts = [
    ...(candidateLogLoss === null || championLogLoss === null
      ? []
      : [`log loss ${figure(candidateLogLoss)} against the champion's ${figure(championLogLoss)}`]),
    ...(paired === null ? [] : [describePairs(paired)]),
    ...(meanScoreDifference === null ? [] : [`mean score difference ${figure(meanScoreDifference)}`]),
    ...(compared === null ? [] : [describeComparison(compared)]),
  ];
  return parts.length === 0 ? '' : `, ${parts.join(', ')}`;
}

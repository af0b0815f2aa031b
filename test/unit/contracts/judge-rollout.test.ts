import { describe, expect, it } from 'vitest';
import { judgeCandidate } from '../../../src/contracts/judge-candidate.ts';
import { judgeRollout } from '../../../src/contracts/judge-rollout.ts';
import type { RolloutEvidence, RolloutPolicy, RolloutStage } from '../../../src/contracts/lifecycle.ts';
import { rolloutPolicyDefault } from '../../../src/define/model.ts';

const policy: RolloutPolicy = { ...rolloutPolicyDefault, shadowDecisions: 500, outcomesPerStep: 200 };
const shadow: RolloutStage = { kind: 'shadow' };
const canary: RolloutStage = { kind: 'canary', share: 0.1 };

const nothing: RolloutEvidence = {
  decisions: 0,
  shadowAnswers: 0,
  candidateDecisions: 0,
  candidateOutcomes: 0,
  candidateErrors: 0,
  candidateLatencyP95Ms: null,
  championLatencyP95Ms: null,
  meanScoreDifference: null,
  candidateLogLoss: null,
  championLogLoss: null,
  logLossStandardError: null,
};
const evidence = (seen: Partial<RolloutEvidence>): RolloutEvidence => ({ ...nothing, ...seen });

describe('the judge of a rollout', () => {
  it('asks for more while a step has not got its data', () => {
    expect(judgeRollout(policy, shadow, nothing)).toEqual({ verdict: 'continue', reason: '0 of 500 shadow answers' });
    expect(judgeRollout(policy, canary, evidence({ candidateDecisions: 900, candidateOutcomes: 199 })).verdict).toBe('continue');
  });

  it('advances when a step has its data, and says on what grounds', () => {
    const judged = judgeRollout(policy, canary, evidence({ candidateOutcomes: 200, candidateLogLoss: 0.41, championLogLoss: 0.42 }));
    expect(judged.verdict).toBe('advance');
    expect(judged.reason).toBe("200 outcomes of the candidate, log loss 0.41 against the champion's 0.42");
  });

  it('forgives one error among few answers and none of a rate above the bound', () => {
    expect(judgeRollout(policy, shadow, evidence({ shadowAnswers: 50, candidateErrors: 1 })).verdict).toBe('continue');
    expect(judgeRollout(policy, shadow, evidence({ shadowAnswers: 50, candidateErrors: 2 })).verdict).toBe('breach');
    expect(judgeRollout({ ...policy, maxErrorRate: 0 }, shadow, evidence({ candidateErrors: 1 })).verdict).toBe('breach');
  });

  it('breaches on a latency above the ratio, but not on noise below two milliseconds', () => {
    const slow = { candidateDecisions: 100, candidateLatencyP95Ms: 31, championLatencyP95Ms: 10 };
    expect(judgeRollout(policy, canary, evidence(slow))).toMatchObject({ verdict: 'breach', reason: expect.stringContaining('latency p95 31 ms') });
    const noise = { candidateDecisions: 100, candidateLatencyP95Ms: 1.5, championLatencyP95Ms: 0.3 };
    expect(judgeRollout(policy, canary, evidence(noise)).verdict).toBe('continue');
  });

  it('breaches on scores that moved either way', () => {
    for (const meanScoreDifference of [0.16, -0.16]) {
      expect(judgeRollout(policy, shadow, evidence({ shadowAnswers: 100, meanScoreDifference })).verdict).toBe('breach');
    }
    expect(judgeRollout(policy, shadow, evidence({ shadowAnswers: 99, meanScoreDifference: 0.9 })).verdict).toBe('continue');
  });

  it('compares with a champion that has answers of its own, and allows for chance', () => {
    const apart = { candidateDecisions: 400, candidateOutcomes: 150, meanScoreDifference: 0.3, candidateLogLoss: 0.9, championLogLoss: 0.2, logLossStandardError: null, meanScoreStandardError: null };
    const few = { ...apart, championDecisions: 99, championOutcomes: 99, candidateLatencyP95Ms: 90, championLatencyP95Ms: 1 };
    expect(judgeRollout(policy, canary, evidence(few)).verdict).toBe('continue');
    const enough = evidence({ ...apart, championDecisions: 100, championOutcomes: 100, meanScoreStandardError: 0.01, logLossStandardError: 0.01 });
    expect(judgeRollout(policy, canary, enough).reason).toBe("mean score differs from the champion's by 0.3, allowed is 0.15 and 0.02 for chance");
    expect(judgeRollout(policy, canary, { ...enough, meanScoreStandardError: 0.08 }).reason).toMatch(/^log loss 0\.9 against/);
    expect(judgeRollout(policy, canary, { ...enough, meanScoreStandardError: 0.08, championOutcomes: 99 }).verdict).toBe('continue');
  });

  it('says what both versions lost on the same decisions, and breaches where chance does not explain the difference', () => {
    const done = evidence({ candidateOutcomes: 200, candidateLogLoss: 0.54, championLogLoss: 0.49, logLossStandardError: 0.05 });
    const paired = { outcomes: 800, candidateLogLoss: 0.41, championLogLoss: 0.42, logLossStandardError: 0.002 };
    expect(judgeRollout(policy, canary, { ...done, paired })).toEqual({
      verdict: 'advance',
      reason: "200 outcomes of the candidate, log loss 0.54 against the champion's 0.49, on the same 800 decisions 0.41 against the champion's 0.42",
    });
    const worse = { ...paired, candidateLogLoss: 0.42 + policy.maxCanaryLogLossIncrease + 0.005 };
    expect(judgeRollout(policy, canary, { ...done, paired: worse })).toMatchObject({ verdict: 'breach', reason: expect.stringMatching(/^log loss on the same 800 decisions .* and 0\.004 for chance$/) });
    expect(judgeRollout(policy, canary, { ...done, paired: { ...worse, logLossStandardError: 0.003 } }).verdict).toBe('advance');
    expect(judgeRollout(policy, canary, { ...done, paired: { ...worse, outcomes: 99 } }).verdict).toBe('advance');
  });

  it('breaches on outcomes only where chance does not explain them', () => {
    const worse = { candidateOutcomes: 150, candidateLogLoss: 0.6, championLogLoss: 0.5 };
    expect(judgeRollout(policy, canary, evidence({ ...worse, logLossStandardError: 0.02 })).verdict).toBe('breach');
    expect(judgeRollout(policy, canary, evidence({ ...worse, logLossStandardError: 0.03 })).verdict).toBe('continue');
  });
});

describe('the judge of a candidate', () => {
  const training = {
    version: 2,
    digest: 'd',
    existed: false,
    candidateLogLoss: 0.5,
    championLogLoss: 0.49,
    candidateAuc: 0.7,
    championAuc: 0.7,
  };

  it('lets pass what is as good as the champion up to the policy, and what has no champion', () => {
    expect(judgeCandidate(training, 0.02)).toBeNull();
    expect(judgeCandidate({ ...training, championLogLoss: null }, 0)).toBeNull();
  });

  it('refuses what is worse, or did not converge', () => {
    expect(judgeCandidate(training, 0.002)).toContain("0.5000 exceeds the champion's 0.4900");
    expect(judgeCandidate({ ...training, candidateLogLoss: Number.NaN }, 1)).toContain('did not converge');
  });
});

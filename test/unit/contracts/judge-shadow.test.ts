import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeComparison, furthestSegments, judgeShadow } from '../../../src/contracts/judge-shadow.ts';
import type { ComparedAnswers, ComparedSegment, ShadowBounds, ShadowComparison } from '../../../src/contracts/shadow-comparison.ts';
import { rolloutPolicyDefault } from '../../../src/define/model.ts';

const policy = { ...rolloutPolicyDefault, segmentAnswersMin: 100, maxFlipRate: 0.05, maxSegmentFlipRate: 0.1, maxMeanScoreDistance: 0.1, maxSegmentMeanScoreDistance: 0.2 };
const agreeing: ComparedAnswers = { answers: 1_000, toPositive: 0, toNegative: 0, meanDistance: 0.01, distanceDeviation: 0.01, p95Distance: 0.03, maxDistance: 0.05 };
const compared = (overall: Partial<ComparedAnswers>, segments: readonly Partial<ComparedSegment>[] = []): ShadowComparison => {
  const found = segments.map((segment) => ({ field: 'carrier', value: 'AA', isRest: false, ...agreeing, ...segment }));
  return {
    overall: { ...agreeing, ...overall },
    ks: 0.02,
    segments: found,
    judgedSegments: found.filter(({ answers }) => answers >= policy.segmentAnswersMin).length,
  };
};

describe('the judge of a shadow', () => {
  it('lets pass what keeps to its bounds, and what exceeds them by no more than chance may', () => {
    expect(judgeShadow(policy, compared({}))).toBeNull();
    expect(judgeShadow(policy, compared({ answers: 200, toPositive: 13 }))).toBeNull();
    expect(judgeShadow(policy, compared({ answers: 200, meanDistance: 0.11, distanceDeviation: 0.1 }))).toBeNull();
  });

  it('breaches on flips either way and on distance, and says the figures', () => {
    expect(judgeShadow(policy, compared({ toPositive: 60, toNegative: 40 }))).toBe(
      '10 % of 1000 answers flip (60 to positive, 40 to negative; 7.29 % at least), allowed is 5 %',
    );
    expect(judgeShadow(policy, compared({ meanDistance: 0.2, distanceDeviation: 0.1 }))).toMatch(
      /^mean score distance 0\.2 over 1000 answers \(0\.18\d* at least\), allowed is 0\.1$/,
    );
  });

  it('names the worst segment, null and the rest among them, and counts the others', () => {
    const bad = { toNegative: 300 };
    expect(judgeShadow(policy, compared({}, [{}, { value: 'UA', ...bad }]))).toMatch(/^segment carrier=UA: 30 % of 1000 answers flip/);
    expect(judgeShadow(policy, compared({}, [{ value: null, ...bad }]))).toMatch(/^segment carrier is null: /);
    expect(judgeShadow(policy, compared({}, [{ value: null, isRest: true, ...bad }]))).toMatch(/^segment carrier \(others\): /);
    expect(judgeShadow(policy, compared({}, [{ toNegative: 400 }, { value: 'UA', ...bad }]))).toMatch(/^segment carrier=AA: .*; 1 more figures are beyond theirs$/);
  });

  it('judges no segment and no whole that has too few answers', () => {
    expect(judgeShadow(policy, compared({}, [{ answers: policy.segmentAnswersMin - 1, toPositive: policy.segmentAnswersMin - 1 }]))).toBeNull();
    expect(judgeShadow(policy, compared({ answers: 99, toPositive: 99 }))).toBeNull();
  });

  it('asks more of each figure the more segments there are', () => {
    const close = { answers: 400, toPositive: 62 };
    expect(judgeShadow(policy, compared({}, [close]))).toMatch(/^segment carrier=AA/);
    const many = Array.from({ length: 99 }, (_, i) => ({ value: `C${i}` }));
    expect(judgeShadow(policy, compared({}, [close, ...many]))).toBeNull();
  });

  it('gives a policy of an earlier release the default bounds', () => {
    const { maxFlipRate, maxSegmentFlipRate, maxMeanScoreDistance, maxSegmentMeanScoreDistance, segments, segmentAnswersMin, segmentValuesMax, ...earlier } =
      rolloutPolicyDefault;
    expect([maxFlipRate, segments, maxSegmentFlipRate, maxMeanScoreDistance, maxSegmentMeanScoreDistance, segmentAnswersMin, segmentValuesMax]).not.toContain(undefined);
    expect(judgeShadow(earlier, compared({ toPositive: 150 }))).toBeNull();
    expect(judgeShadow(earlier, compared({ toPositive: 300 }))).toContain('allowed is 20 %');
  });

  const answers = fc.record({
    answers: fc.integer({ min: 0, max: 5_000 }),
    flips: fc.float({ min: 0, max: 1, noNaN: true }),
    meanDistance: fc.float({ min: 0, max: 1, noNaN: true }),
    distanceDeviation: fc.float({ min: 0, max: 0.5, noNaN: true }),
  });
  const random = fc.record({ overall: answers, segments: fc.array(answers, { maxLength: 6 }) }).map(({ overall, segments }) => {
    const of = ({ answers: count, flips, ...rest }: typeof overall) => ({ ...agreeing, answers: count, toPositive: Math.floor(flips * count), ...rest });
    return compared(of(overall), segments.map((segment, i) => ({ ...of(segment), value: String(i) })));
  });

  it('never breaches where every figure keeps to its bound, nor on wider bounds where it did not on narrower', () => {
    const wider = (by: number): Partial<ShadowBounds> => ({
      maxFlipRate: policy.maxFlipRate + by,
      maxSegmentFlipRate: policy.maxSegmentFlipRate + by,
      maxMeanScoreDistance: policy.maxMeanScoreDistance + by,
      maxSegmentMeanScoreDistance: policy.maxSegmentMeanScoreDistance + by,
    });
    fc.assert(
      fc.property(random, fc.float({ min: 0, max: 1, noNaN: true }), (comparison, by) => {
        const every = [comparison.overall, ...comparison.segments];
        const keeps = every.every(({ answers: count, toPositive, meanDistance }) => toPositive <= 0.05 * count && (meanDistance ?? 0) <= 0.1);
        if (keeps) expect(judgeShadow(policy, comparison)).toBeNull();
        if (judgeShadow(policy, comparison) === null) expect(judgeShadow({ ...policy, ...wider(by) }, comparison)).toBeNull();
        expect(judgeShadow({ ...policy, ...wider(1) }, comparison)).toBeNull();
      }),
    );
  });
});

describe('what is told of a comparison', () => {
  it('has the segments that are furthest beyond their bounds first, those that are not judged last', () => {
    const comparison = compared({}, [{ value: 'few', answers: 10, toPositive: 10 }, { value: 'calm' }, { value: 'wild', toPositive: 500 }, { value: 'some', toPositive: 90 }]);
    expect(furthestSegments(policy, comparison, 3).segments.map(({ value }) => value)).toEqual(['wild', 'some', 'calm']);
    expect(furthestSegments(policy, comparison, 9).segments.at(-1)?.value).toBe('few');
    expect(furthestSegments(policy, comparison, 3).judgedSegments).toBe(3);
  });

  it('is one line', () => {
    expect(describeComparison(compared({ toPositive: 31 }))).toBe('3.1 % of 1000 answers flip, mean score distance 0.01, KS 0.02');
    expect(describeComparison(compared({}, [{ toNegative: 5 }]))).toBe(
      '0 % of 1000 answers flip, mean score distance 0.01, KS 0.02, furthest carrier=AA (0.5 % of 1000 flip, distance 0.01)',
    );
  });
});

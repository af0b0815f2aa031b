import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluateSlice } from '../../../src/statistics/evaluate-slice.ts';
import {
  brier,
  CALIBRATION_BINS,
  expectedCalibrationError,
  LOG_LOSS_CLIP,
  logLoss,
} from '../../../src/statistics/probability-scores.ts';
import { auc } from '../../../src/statistics/ranking.ts';

/** Scores on a coarse grid, so that ties are common. */
const scored = fc
  .array(fc.record({ score: fc.nat({ max: 20 }).map((n) => n / 20), label: fc.constantFrom(0, 1) }), {
    maxLength: 80,
  })
  .map((rows) => ({ scores: rows.map(({ score }) => score), labels: rows.map(({ label }) => label) }));

/** By definition: every pair of a positive and a negative, a tie counting half. */
function naiveAuc(scores: readonly number[], labels: readonly number[]): number | null {
  let wins = 0;
  let pairs = 0;
  scores.forEach((a, i) => {
    scores.forEach((b, j) => {
      if (labels[i] !== 1 || labels[j] !== 0) return;
      pairs++;
      wins += a > b ? 1 : a === b ? 0.5 : 0;
    });
  });
  return pairs === 0 ? null : wins / pairs;
}

describe('auc', () => {
  it('is the share of pairs in the right order', () => {
    fc.assert(
      fc.property(scored, ({ scores, labels }) => {
        const expected = naiveAuc(scores, labels);
        const found = auc(scores, labels);
        if (expected === null) expect(found).toBeNull();
        else expect(found).toBeCloseTo(expected, 12);
      }),
    );
  });

  it('has no value where a score is NaN, whichever it is', () => {
    fc.assert(
      fc.property(scored, fc.nat(), ({ scores, labels }, at) => {
        fc.pre(scores.length > 0);
        expect(auc(scores.with(at % scores.length, NaN), labels)).toBeNull();
      }),
    );
  });

  it('does not change under a rising transformation and turns over with the scores', () => {
    fc.assert(
      fc.property(scored, ({ scores, labels }) => {
        const value = auc(scores, labels);
        fc.pre(value !== null);
        expect(
          auc(
            scores.map((s) => Math.exp(3 * s)),
            labels,
          ),
        ).toBe(value);
        expect(
          auc(
            scores.map((s) => -s),
            labels,
          ),
        ).toBeCloseTo(1 - value, 12);
      }),
    );
  });
});

describe('the probability scores', () => {
  it('agree with their definitions', () => {
    fc.assert(
      fc.property(scored, ({ scores, labels }) => {
        fc.pre(scores.length > 0);
        const mean = (of: (score: number, label: number) => number) =>
          scores.reduce((sum, score, i) => sum + of(score, labels[i] as number), 0) / scores.length;
        const clip = (s: number) => Math.min(1 - LOG_LOSS_CLIP, Math.max(LOG_LOSS_CLIP, s));
        expect(logLoss(scores, labels)).toBeCloseTo(
          mean((s, y) => -Math.log(y === 1 ? clip(s) : 1 - clip(s))),
          8,
        );
        expect(brier(scores, labels)).toBeCloseTo(
          mean((s, y) => (s - y) ** 2),
          12,
        );
      }),
    );
  });

  it('measure calibration by bins of equal count', () => {
    fc.assert(
      fc.property(scored, ({ scores, labels }) => {
        fc.pre(scores.length > 0);
        const sorted = scores
          .map((score, i) => ({ score, label: labels[i] as number }))
          // Equal scores can't be told apart: each counts as all of them do.
          .map(({ score }, _, rows) => {
            const tied = rows.filter((row) => row.score === score);
            return { score, label: tied.reduce((sum, row) => sum + row.label, 0) / tied.length };
          })
          .sort((a, b) => a.score - b.score);
        let expected = 0;
        for (let bin = 0; bin < CALIBRATION_BINS; bin++) {
          const rows = sorted.slice(
            Math.floor((bin * sorted.length) / CALIBRATION_BINS),
            Math.floor(((bin + 1) * sorted.length) / CALIBRATION_BINS),
          );
          if (rows.length === 0) continue;
          const score = rows.reduce((sum, row) => sum + row.score, 0) / rows.length;
          const label = rows.reduce((sum, row) => sum + row.label, 0) / rows.length;
          expected += (Math.abs(score - label) * rows.length) / sorted.length;
        }
        expect(expectedCalibrationError(scores, labels)).toBeCloseTo(expected, 10);
      }),
    );
  });

  it('measure calibration alike whatever the order of the rows', () => {
    const shuffled = scored.chain(({ scores, labels }) =>
      fc.tuple(fc.constant({ scores, labels }), fc.shuffledSubarray(scores.map((_, i) => i), { minLength: scores.length })),
    );
    fc.assert(
      fc.property(shuffled, ([{ scores, labels }, order]) => {
        const found = expectedCalibrationError(order.map((i) => scores[i]!), order.map((i) => labels[i]!));
        expect(found).toBeCloseTo(expectedCalibrationError(scores, labels), 12);
      }),
    );
    // One score for all, and right in the mean.
    const labels = Array.from({ length: 1_000 }, (_, i) => (i < 300 ? 1 : 0));
    expect(expectedCalibrationError(labels.map(() => 0.3), labels)).toBeCloseTo(0, 12);
  });

  it('are finite for sure mistakes and for no rows', () => {
    expect(logLoss([1], [0])).toBeCloseTo(-Math.log(LOG_LOSS_CLIP), 6);
    expect(evaluateSlice('none', [], [])).toEqual({
      slice: 'none',
      rows: 0,
      positives: 0,
      auc: null,
      logLoss: 0,
      brier: 0,
      calibrationError: 0,
      meanScore: 0,
      baseRate: 0,
    });
  });
});

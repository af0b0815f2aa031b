/** What a shadow's answers may differ by from the champion's to the same decisions, over all of them and in each segment. */
export interface ShadowBounds {
  /** Request fields, entity keys among them, by whose values the answers are compared too. */
  readonly segments: readonly string[];
  /** Values of a field that are segments of their own, the most frequent ones; the others together are one more. */
  readonly segmentValuesMax: number;
  /** A segment with fewer answers is shown and not judged. */
  readonly segmentAnswersMin: number;
  /** Share of the answers that lie on the other side of their version's threshold than the champion's. */
  readonly maxFlipRate: number;
  readonly maxSegmentFlipRate: number;
  /** Mean of the absolute differences of both scores of a decision. */
  readonly maxMeanScoreDistance: number;
  readonly maxSegmentMeanScoreDistance: number;
}

export const SEGMENT_FIELDS_MAX = 5;
export const SEGMENT_VALUES_MAX = 100;
/** Below it the mean of so skewed a thing as a distance is not yet normally distributed. */
export const SEGMENT_ANSWERS_MIN = 30;

/**
 * A retrained model is meant to differ, so these stop what is no retraining of the same model, and a project sets its own:
 * two versions that agree no more than chance flip 32 % where a fifth of the answers is positive. A distance is never smaller
 * than the difference of the means, whose bound is 0.15. A segment holds less, so it may differ by half as much again.
 */
export const shadowBoundsDefault: ShadowBounds = {
  segments: [],
  segmentValuesMax: 20,
  segmentAnswersMin: 100,
  maxFlipRate: 0.2,
  maxSegmentFlipRate: 0.3,
  maxMeanScoreDistance: 0.2,
  maxSegmentMeanScoreDistance: 0.3,
};

/** Answers of two versions to the same decisions. */
export interface ComparedAnswers {
  readonly answers: number;
  /** The champion is below its threshold, the shadow is not. */
  readonly toPositive: number;
  readonly toNegative: number;
  /** Of the absolute differences of the scores; null without answers. */
  readonly meanDistance: number | null;
  /** Null with fewer than two answers. */
  readonly distanceDeviation: number | null;
  readonly p95Distance: number | null;
  readonly maxDistance: number | null;
}

export interface ComparedSegment extends ComparedAnswers {
  readonly field: string;
  /** As text, cut where it is long; null is a value. */
  readonly value: string | null;
  /** All values together that are no segments of their own. */
  readonly isRest: boolean;
}

export interface ShadowComparison {
  readonly overall: ComparedAnswers;
  /** Kolmogorov-Smirnov distance of the two distributions of scores; null without answers. */
  readonly ks: number | null;
  readonly segments: readonly ComparedSegment[];
  /** Segments that have the answers to be judged, whether or not they are listed. */
  readonly judgedSegments: number;
}

export const flipRateOf = ({ answers, toPositive, toNegative }: ComparedAnswers): number =>
  answers === 0 ? 0 : (toPositive + toNegative) / answers;

export const segmentName = ({ field, value, isRest }: ComparedSegment): string =>
  isRest ? `${field} (others)` : value === null ? `${field} is null` : `${field}=${value}`;

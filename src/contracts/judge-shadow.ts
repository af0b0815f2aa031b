import { figure, percent } from './figures.ts';
import type { RolloutPolicy } from './lifecycle.ts';
import { meanLowerBound, normalQuantile, wilsonLowerBound } from './lower-bounds.ts';
import {
  flipRateOf,
  segmentName,
  shadowBoundsDefault,
  type ComparedAnswers,
  type ComparedSegment,
  type ShadowBounds,
  type ShadowComparison,
} from './shadow-comparison.ts';

/** How likely one look at answers that keep to every bound may find a breach by chance. */
const FALSE_ALARM = 0.001;
/** Fewer answers than this say nothing about a mean or a percentile. */
export const ANSWERS_MIN = 100;

/** A policy of an earlier release has none of the bounds. */
export const boundsOf = (policy: RolloutPolicy): ShadowBounds => ({ ...shadowBoundsDefault, ...policy });

/** By how much a lower bound of the true figure exceeds what is allowed, and what to say of it. */
interface Finding {
  readonly excess: number;
  readonly text: string;
}

/**
 * Finds where the answers of a shadow differ by more than the policy allows and chance explains, and names the worst. One
 * breach ends the rollout, so the figures share the chance of a false alarm (Bonferroni): each of the two of all answers and of
 * every judged segment has its part of it, however they depend on one another.
 */
export function judgeShadow(policy: RolloutPolicy, comparison: ShadowComparison): string | null {
  const bounds = boundsOf(policy);
  const breaches = [
    ...overallFindings(bounds, comparison),
    ...comparison.segments.flatMap((segment) => segmentFindings(bounds, comparison, segment)),
  ].filter(({ excess }) => excess > 0);
  const worst = breaches.reduce<Finding | null>((most, found) => (most === null || found.excess > most.excess ? found : most), null);
  if (worst === null) return null;
  return breaches.length === 1 ? worst.text : `${worst.text}; ${breaches.length - 1} more figures are beyond theirs`;
}

/** The segments that are furthest beyond their bounds, or nearest to them; those that are not judged come last. */
export function furthestSegments(policy: RolloutPolicy, comparison: ShadowComparison, count: number): ShadowComparison {
  const bounds = boundsOf(policy);
  const placed = comparison.segments.map((segment) => ({
    segment,
    excess: Math.max(-Infinity, ...segmentFindings(bounds, comparison, segment).map(({ excess }) => excess)),
  }));
  // Two that are not judged have the same infinity, whose difference is no number.
  placed.sort((a, b) => (a.excess === b.excess ? b.segment.answers - a.segment.answers : b.excess - a.excess));
  return { ...comparison, segments: placed.slice(0, count).map(({ segment }) => segment) };
}

/** The comparison in one line; its first segment is taken to be the furthest. */
export function describeComparison({ overall, segments: [furthest], ks }: ShadowComparison): string {
  const all = `${percent(flipRateOf(overall))} of ${overall.answers} answers flip, mean score distance ${figure(overall.meanDistance)}, KS ${figure(ks)}`;
  if (furthest === undefined) return all;
  return `${all}, furthest ${segmentName(furthest)} (${percent(flipRateOf(furthest))} of ${furthest.answers} flip, distance ${figure(furthest.meanDistance)})`;
}

function overallFindings(bounds: ShadowBounds, comparison: ShadowComparison): Finding[] {
  const { overall } = comparison;
  if (overall.answers < ANSWERS_MIN) return [];
  return findings('', overall, standardErrors(comparison), { flips: bounds.maxFlipRate, distance: bounds.maxMeanScoreDistance });
}

function segmentFindings(bounds: ShadowBounds, comparison: ShadowComparison, segment: ComparedSegment): Finding[] {
  if (segment.answers < bounds.segmentAnswersMin) return [];
  const allowed = { flips: bounds.maxSegmentFlipRate, distance: bounds.maxSegmentMeanScoreDistance };
  return findings(`segment ${segmentName(segment)}: `, segment, standardErrors(comparison), allowed);
}

const FIGURES = 2;
const standardErrors = ({ judgedSegments }: ShadowComparison): number => normalQuantile(FALSE_ALARM / (FIGURES * (judgedSegments + 1)));

function findings(where: string, found: ComparedAnswers, z: number, allowed: { readonly flips: number; readonly distance: number }): Finding[] {
  const { answers, toPositive, toNegative, meanDistance, distanceDeviation } = found;
  const flips = wilsonLowerBound(toPositive + toNegative, answers, z);
  const distance = meanLowerBound(meanDistance ?? 0, distanceDeviation ?? 0, answers, z);
  return [
    {
      excess: flips - allowed.flips,
      text: `${where}${percent(flipRateOf(found))} of ${answers} answers flip (${toPositive} to positive, ${toNegative} to negative; ${percent(flips)} at least), allowed is ${percent(allowed.flips)}`,
    },
    {
      excess: distance - allowed.distance,
      text: `${where}mean score distance ${figure(meanDistance)} over ${answers} answers (${figure(distance)} at least), allowed is ${allowed.distance}`,
    },
  ];
}

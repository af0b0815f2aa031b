import type { ComparedAnswers, ComparedSegment, ShadowComparison } from '../../../src/contracts/shadow-comparison.ts';

/** One decision with both scores and what its request carried. */
export interface PairedAnswer {
  readonly served: number;
  readonly shadowed: number;
  readonly instance: Readonly<Record<string, string | number | boolean | null>>;
}

export interface NaiveRequest {
  readonly thresholds: { readonly served: number; readonly shadowed: number };
  readonly segments: readonly string[];
  readonly segmentValuesMax: number;
  readonly segmentAnswersMin: number;
}

/** The comparison of a shadow as its documentation says it, answer by answer and without any cleverness. */
export function naiveComparison(pairs: readonly PairedAnswer[], request: NaiveRequest): ShadowComparison {
  const segments = request.segments.flatMap((field) => segmentsOf(pairs, field, request));
  return {
    overall: figuresOf(pairs, request),
    ks: naiveKs(pairs),
    segments,
    judgedSegments: segments.filter(({ answers }) => answers >= request.segmentAnswersMin).length,
  };
}

const textOf = (value: string | number | boolean | null | undefined): string | null =>
  value === null || value === undefined ? null : String(value).slice(0, 80);

function segmentsOf(pairs: readonly PairedAnswer[], field: string, request: NaiveRequest): ComparedSegment[] {
  const byValue = new Map<string | null, PairedAnswer[]>();
  for (const pair of pairs) {
    const value = textOf(pair.instance[field]);
    byValue.set(value, [...(byValue.get(value) ?? []), pair]);
  }
  // Ties by name, null after every text.
  const ranked = [...byValue].sort(([a, of], [b, others]) => others.length - of.length || Number(a === null) - Number(b === null) || ((a ?? '') < (b ?? '') ? -1 : 1));
  const own = ranked.slice(0, request.segmentValuesMax).map(([value, of]) => ({ field, value, isRest: false, ...figuresOf(of, request) }));
  const rest = ranked.slice(request.segmentValuesMax).flatMap(([, of]) => of);
  return rest.length === 0 ? own : [...own, { field, value: null, isRest: true, ...figuresOf(rest, request) }];
}

function figuresOf(pairs: readonly PairedAnswer[], { thresholds }: NaiveRequest): ComparedAnswers {
  const isPositive = ({ served, shadowed }: PairedAnswer) => ({ before: served >= thresholds.served, after: shadowed >= thresholds.shadowed });
  const distances = pairs.map(({ served, shadowed }) => Math.abs(shadowed - served)).sort((a, b) => a - b);
  const n = distances.length;
  const mean = distances.reduce((sum, distance) => sum + distance, 0) / n;
  const at = 0.95 * (n - 1);
  const [low = 0, high = 0] = [distances[Math.floor(at)], distances[Math.ceil(at)]];
  return {
    answers: n,
    toPositive: pairs.map(isPositive).filter(({ before, after }) => !before && after).length,
    toNegative: pairs.map(isPositive).filter(({ before, after }) => before && !after).length,
    meanDistance: n === 0 ? null : mean,
    distanceDeviation: n < 2 ? null : Math.sqrt(distances.reduce((sum, distance) => sum + (distance - mean) ** 2, 0) / (n - 1)),
    p95Distance: n === 0 ? null : low + (high - low) * (at - Math.floor(at)),
    maxDistance: distances.at(-1) ?? null,
  };
}

/** At every score: the share of the one's scores up to it less the share of the other's. */
function naiveKs(pairs: readonly PairedAnswer[]): number | null {
  if (pairs.length === 0) return null;
  const share = (of: (pair: PairedAnswer) => number, upTo: number) => pairs.filter((pair) => of(pair) <= upTo).length / pairs.length;
  const scores = pairs.flatMap(({ served, shadowed }) => [served, shadowed]);
  return Math.max(...scores.map((score) => Math.abs(share((pair) => pair.served, score) - share((pair) => pair.shadowed, score))));
}

import type { EvaluationReport, SliceMetrics } from '../contracts/model-bundle.ts';
import type { TrainingSet } from '../contracts/training-set.ts';
import { evaluateSlice } from '../statistics/evaluate-slice.ts';

/** Most values of a segment that are reported, the most frequent first. */
export const SEGMENT_VALUES_MAX = 50;
const NULL_SEGMENT = '(null)';

/**
 * Metrics of scored rows: overall, by month (UTC, of the decision time) and by the values of each
 * segment that is a category of the set.
 * @param scores one for each of `rows`
 */
export function evaluateModel(
  set: TrainingSet,
  rows: Uint32Array,
  scores: Float32Array,
  segments: readonly string[],
): EvaluationReport {
  const month = (row: number) => new Date(set.decisionTimes[row] as number).toISOString().slice(0, 7);
  const bySegment: Record<string, SliceMetrics[]> = {};
  for (const segment of segments) {
    const column = set.categories.find(({ name }) => name === segment);
    if (column === undefined) continue;
    const valueOf = (row: number) => column.dictionary[column.codes[row] as number] ?? NULL_SEGMENT;
    const slices = slicesBy(set, rows, scores, valueOf).sort((a, b) => b.rows - a.rows);
    bySegment[segment] = slices.slice(0, SEGMENT_VALUES_MAX);
  }
  return {
    overall: evaluateSlice(
      'overall',
      scores,
      Float32Array.from(rows, (row) => set.labels[row] as number),
    ),
    byMonth: slicesBy(set, rows, scores, month),
    bySegment,
  };
}

/** One slice for each name, in order of name. */
function slicesBy(
  set: TrainingSet,
  rows: Uint32Array,
  scores: Float32Array,
  nameOf: (row: number) => string,
): SliceMetrics[] {
  const slices = new Map<string, { scores: number[]; labels: number[] }>();
  rows.forEach((row, i) => {
    const name = nameOf(row);
    let slice = slices.get(name);
    if (slice === undefined) slices.set(name, (slice = { scores: [], labels: [] }));
    slice.scores.push(scores[i] as number);
    slice.labels.push(set.labels[row] as number);
  });
  return [...slices]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, slice]) => evaluateSlice(name, slice.scores, slice.labels));
}

import type { ColumnProfile } from '../contracts/model-bundle.ts';
import { binOf, quantileEdges } from './quantile-edges.ts';

export const PROFILE_BINS = 10;
/** Named bins of a category; rarer values share the last bin. */
export const PROFILE_VALUES_MAX = 50;
/** Quantiles are taken from at most this many values, evenly spaced over the column. */
const QUANTILE_SAMPLE_MAX = 65_536;
/** The least number above 0 that float32 can hold. */
const FLOAT32_LEAST = 2 ** -149;

/** A row-major block of numbers and one column of it. */
export interface NumberColumn {
  readonly numbers: ArrayLike<number>;
  readonly rows: number;
  readonly columns: number;
  readonly column: number;
}

/**
 * Histogram of a numeric column; edges are the quantiles of the column itself. NaN counts as null. Where many rows have the value
 * of the lowest edge, what is below it has a bin of its own, empty or not: a flag that is mostly set, say, and is set no more.
 */
export function profileNumbers(
  name: string,
  column: NumberColumn,
  kind: 'number' | 'score' = 'number',
): ColumnProfile {
  return countNumbers({ name, kind, edges: edgesOf(sample(column)) }, column);
}

/** A column of new data over the bins of a reference, ready to be compared with it. */
export function profileNumbersLike(reference: ColumnProfile, column: NumberColumn): ColumnProfile {
  return countNumbers(reference, column);
}

/** Counts of a category's most frequent values, ties by the value; the last bin is all others. */
export function profileCategories(name: string, values: readonly (string | null)[]): ColumnProfile {
  const counts = new Map<string, number>();
  for (const value of values) if (value !== null) counts.set(value, (counts.get(value) ?? 0) + 1);
  return profileCounts(name, counts, values.length);
}

/** The same from counts that are already there. */
export function profileCounts(
  name: string,
  counts: ReadonlyMap<string, number>,
  rows: number,
): ColumnProfile {
  const ranked = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  const values = ranked.slice(0, PROFILE_VALUES_MAX).map(([value]) => value);
  return countCategories({ name, values }, counts, rows);
}

/** A category column of new data over the values of a reference. */
export function profileCategoriesLike(
  reference: ColumnProfile,
  values: readonly (string | null)[],
): ColumnProfile {
  const counts = new Map<string, number>();
  for (const value of values) if (value !== null) counts.set(value, (counts.get(value) ?? 0) + 1);
  return countCategories(reference, counts, values.length);
}

function edgesOf(values: Float64Array): number[] {
  const edges = quantileEdges(values, PROFILE_BINS);
  const [lowest] = edges;
  if (lowest === undefined) return edges;
  let known = 0;
  let same = 0;
  let below = -Infinity;
  for (const value of values) {
    if (!Number.isNaN(value)) known++;
    if (value === lowest) same++;
    else if (value < lowest && value > below) below = value;
  }
  if (same < known / PROFILE_BINS / 2) return edges;
  const edge = below === -Infinity ? nextBelow(lowest) : below;
  return edge === -Infinity ? edges : [edge, ...edges];
}

/** The next number below that float32, which features and scores are of, can hold. */
function nextBelow(value: number): number {
  const float = Float32Array.of(value);
  const rounded = float[0]!;
  if (rounded < value) return rounded;
  if (rounded === 0) return -FLOAT32_LEAST;
  // Of neighbours the bits differ by one, counted away from zero.
  new Int32Array(float.buffer)[0]! += rounded < 0 ? 1 : -1;
  return float[0]!;
}

function countNumbers(
  bins: Pick<ColumnProfile, 'name' | 'kind' | 'edges'>,
  { numbers, rows, columns, column }: NumberColumn,
): ColumnProfile {
  const counts = new Array<number>(bins.edges.length + 1).fill(0);
  let nulls = 0;
  for (let row = 0, i = column; row < rows; row++, i += columns) {
    const value = numbers[i] as number;
    if (Number.isNaN(value)) nulls++;
    else counts[binOf(bins.edges, value)]!++;
  }
  return { name: bins.name, kind: bins.kind, edges: bins.edges, values: [], counts, nulls, rows };
}

function countCategories(
  bins: Pick<ColumnProfile, 'name' | 'values'>,
  present: ReadonlyMap<string, number>,
  rows: number,
): ColumnProfile {
  const counts = bins.values.map((value) => present.get(value) ?? 0);
  let known = 0;
  for (const count of present.values()) known += count;
  counts.push(known - counts.reduce((sum, count) => sum + count, 0));
  return {
    name: bins.name,
    kind: 'category',
    edges: [],
    values: bins.values,
    counts,
    nulls: rows - known,
    rows,
  };
}

function sample({ numbers, rows, columns, column }: NumberColumn): Float64Array {
  const step = Math.max(1, Math.ceil(rows / QUANTILE_SAMPLE_MAX));
  const values = new Float64Array(Math.ceil(rows / step));
  for (let i = 0; i < values.length; i++) values[i] = numbers[i * step * columns + column] as number;
  return values;
}

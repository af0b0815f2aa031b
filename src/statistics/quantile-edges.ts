/**
 * Inner edges of `bins` bins that hold about equally many of the values: the j/bins quantiles, each
 * an observed value (the smallest with at least that share of the values at or below it, Hyndman and
 * Fan's definition 1). NaN is left out and equal edges are merged, so fewer may come back; none for
 * no values. An edge may be the maximum: the bin above it is then empty now, and shows it when it fills.
 */
export function quantileEdges(values: ArrayLike<number>, bins: number): number[] {
  const sorted = sortedFinite(values);
  const edges: number[] = [];
  for (let j = 1; j < bins; j++) {
    const edge = sorted[Math.ceil((j * sorted.length) / bins) - 1];
    if (edge !== undefined && edge !== edges.at(-1)) edges.push(edge);
  }
  return edges;
}

/** The values in ascending order without NaN; a copy. */
export function sortedFinite(values: ArrayLike<number>): Float64Array {
  const kept = new Float64Array(values.length);
  let count = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (!Number.isNaN(value)) kept[count++] = value;
  }
  return kept.subarray(0, count).sort();
}

/** Index of the value's bin: bin j holds the values v with edges[j - 1] < v <= edges[j]. */
export function binOf(edges: readonly number[], value: number): number {
  let low = 0;
  let high = edges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (value <= (edges[middle] as number)) high = middle;
    else low = middle + 1;
  }
  return low;
}

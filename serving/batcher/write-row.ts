/** Writes row `row` of a request at index `at` of the batch tensor. */
export type WriteRow = (row: number, out: Float32Array, at: number) => void;

/** Of wider rows a view and a copy by the engine cost less than a loop. */
const LOOP_COLUMNS_MAX = 128;

/** Copies row `row` of a row-major tensor of so many columns to index `at` of another. */
export function copyRow(from: Float32Array, row: number, columns: number, out: Float32Array, at: number): void {
  const first = row * columns;
  if (columns > LOOP_COLUMNS_MAX) out.set(from.subarray(first, first + columns), at);
  else for (let c = 0; c < columns; c++) out[at + c] = from[first + c]!;
}

/** Writes the rows of a row-major tensor of so many columns. */
export function rowsOf(features: Float32Array, columns: number): WriteRow {
  return (row, out, at) => copyRow(features, row, columns, out, at);
}

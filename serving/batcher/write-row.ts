/** Writes row `row` of a request at index `at` of the batch tensor. */
export type WriteRow = (row: number, out: Float32Array, at: number) => void;

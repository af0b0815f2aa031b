import type { ModelSignature } from '../../src/contracts/model-bundle.ts';

const CODE_NULL = 0;
const CODE_UNKNOWN = 1;
const CODE_VOCABULARY = 2;

/** Turns the numbers and the categories of a row into what one model version takes. */
export class RowEncoder {
  readonly columns: number;
  readonly #numbers: number;
  readonly #codes: readonly ReadonlyMap<string, number>[];

  constructor(signature: ModelSignature) {
    this.#numbers = signature.numericNames.length;
    this.#codes = signature.categories.map(
      ({ vocabulary }) => new Map(vocabulary.map((value, i) => [value, CODE_VOCABULARY + i])),
    );
    this.columns = this.#numbers + this.#codes.length;
  }

  /** Writes row `row` of the given rows at index `at` of a batch tensor. */
  write(rows: FeatureRows, row: number, out: Float32Array, at: number): void {
    out.set(rows.numbers.subarray(row * this.#numbers, (row + 1) * this.#numbers), at);
    for (let c = 0; c < this.#codes.length; c++) {
      const value = rows.categories[row * this.#codes.length + c] ?? null;
      const code = value === null ? CODE_NULL : (this.#codes[c]?.get(value) ?? CODE_UNKNOWN);
      out[at + this.#numbers + c] = code;
    }
  }
}

/** Rows as the feature service makes them, the same for every version of a model. */
export interface FeatureRows {
  /** Row-major float32; null is NaN. */
  readonly numbers: Float32Array;
  /** Row-major. */
  readonly categories: readonly (string | null)[];
}

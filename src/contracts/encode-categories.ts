import type { CategoryEncoder } from './model-bundle.ts';

export const NULL_CODE = 0;
export const UNKNOWN_CODE = 1;
/** Code of the first value of a vocabulary. */
export const FIRST_CODE = 2;

const tables = new WeakMap<CategoryEncoder, ReadonlyMap<string, number>>();

/** Number of distinct codes of an encoder: its vocabulary, null and unknown. */
export function codeCount(encoder: CategoryEncoder): number {
  return encoder.vocabulary.length + FIRST_CODE;
}

export function encodeCategory(encoder: CategoryEncoder, value: string | null): number {
  if (value === null) return NULL_CODE;
  let table = tables.get(encoder);
  if (table === undefined) {
    table = new Map(encoder.vocabulary.map((entry, i) => [entry, FIRST_CODE + i]));
    tables.set(encoder, table);
  }
  return table.get(value) ?? UNKNOWN_CODE;
}

/** Writes one code per encoder to `out` from position `at`: the tail of a model's row. */
export function encodeCategories(
  encoders: readonly CategoryEncoder[],
  values: readonly (string | null)[],
  out: Float32Array,
  at: number,
): void {
  for (let i = 0; i < encoders.length; i++) {
    out[at + i] = encodeCategory(encoders[i] as CategoryEncoder, values[i] ?? null);
  }
}

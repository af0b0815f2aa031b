/** Whether two values are the same as a model sees them: sums in another order may differ in the last bit of float64. */
export const isSameValue = (a: number | string | null, b: number | string | null): boolean =>
  typeof a === 'number' && typeof b === 'number' ? Math.fround(a) === Math.fround(b) : a === b;

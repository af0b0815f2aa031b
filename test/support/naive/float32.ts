/** A value as a model gets it: null, and what float32 can't hold, is NaN; -0 is 0. */
export function float32Of(value: unknown): number {
  const number = typeof value === 'boolean' ? Number(value) : typeof value === 'number' ? value : NaN;
  return Number.isFinite(Math.fround(number)) ? Math.fround(number) + 0 : NaN;
}

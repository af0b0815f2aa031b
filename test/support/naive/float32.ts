/** A value as a model gets it: null, and what float32 can't hold, is NaN; -0 is 0. */
export function float32Of(value: unknown): number {
  const number = typeof value === 'boolean' ? Number(value) : typeof value === 'number' ? value : NaN;
  return Number.isFinite(Math.fround(number)) ? Math.fround(number) + 0 : NaN;
}

/** A row of which a float64 of the fold may differ from the nearest in its last bit: numbers that are not whole as float32. */
export const roundedRow = (row: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      typeof value === 'number' && !Number.isInteger(value) ? float32Of(value) : value,
    ]),
  );

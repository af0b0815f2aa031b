/** A copy with room for so many numbers: those beyond the old ones are 0. */
export function longerArray<T extends Float64Array | Int32Array | Uint8Array>(old: T, length: number): T {
  const longer = new (old.constructor as new (length: number) => T)(length);
  longer.set(old);
  return longer;
}

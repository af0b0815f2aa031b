/** A deterministic stream of random numbers; the same seed gives the same stream everywhere. */
export interface SeededRandom {
  /** 32 random bits, unsigned. */
  bits(): number;
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Standard normal. */
  normal(): number;
}

/** Xoshiro128** (Blackman and Vigna, 2018), its state spread from the seed by SplitMix32. */
export function createRandom(seed: number): SeededRandom {
  let split = seed >>> 0;
  const next = (): number => {
    split = (split + 0x9e3779b9) >>> 0;
    let z = split;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
  let [a, b, c, d] = [next(), next(), next(), next()];
  const bits = (): number => {
    const scrambled = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return scrambled;
  };
  const uniform = (): number => bits() / 2 ** 32;
  return {
    bits,
    uniform,
    // Box-Muller; the first factor takes 1 - u so that its logarithm is finite.
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  };
}

const rotate = (value: number, by: number): number => (value << by) | (value >>> (32 - by));

/** Fisher and Yates' shuffle, in place. */
export function shuffle(values: Uint32Array, random: SeededRandom): void {
  for (let i = values.length - 1; i > 0; i--) {
    const j = Math.floor(random.uniform() * (i + 1));
    const held = values[i] as number;
    values[i] = values[j] as number;
    values[j] = held;
  }
}

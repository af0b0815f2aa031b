const PRIMES = [2_654_435_761n, 2_246_822_519n, 3_266_489_917n, 668_265_263n, 374_761_393n] as const;

const word = (value: bigint): bigint => BigInt.asUintN(32, value);
const rotate = (value: bigint, bits: bigint): bigint => word((value << bits) | (value >> (32n - bits)));

/** XXH32 of bytes as its specification tells it (xxHash by Yann Collet), slowly. */
export function xxh32(bytes: Uint8Array, seed = 0n): number {
  const [p1, p2, p3, p4, p5] = PRIMES;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const wordAt = (at: number): bigint => BigInt(view.getUint32(at, true));
  let at = 0;
  let hash = word(seed + p5);
  if (bytes.length >= 16) {
    const lanes = [seed + p1 + p2, seed + p2, seed, seed - p1].map(word);
    for (; at + 16 <= bytes.length; at += 16)
      lanes.forEach((lane, i) => (lanes[i] = word(rotate(word(lane + wordAt(at + 4 * i) * p2), 13n) * p1)));
    hash = word(lanes.reduce((sum, lane, i) => sum + rotate(lane, [1n, 7n, 12n, 18n][i]!), 0n));
  }
  hash = word(hash + BigInt(bytes.length));
  for (; at + 4 <= bytes.length; at += 4) hash = word(rotate(word(hash + wordAt(at) * p3), 17n) * p4);
  for (; at < bytes.length; at++) hash = word(rotate(word(hash + BigInt(bytes[at]!) * p5), 11n) * p1);
  hash = word((hash ^ (hash >> 15n)) * p2);
  hash = word((hash ^ (hash >> 13n)) * p3);
  return Number(hash ^ (hash >> 16n));
}

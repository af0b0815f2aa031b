import type { Row } from '../../src/define/field.ts';

const SEPARATOR = '\u001f';
const BUCKETS = 2 ** 32;
const encoder = new TextEncoder();

/**
 * Where a request lies in [0, 1) of its model's traffic: MurmurHash3 (x86, 32 bits, seed 0) over the
 * UTF-8 bytes of the model's name and the entity keys, joined by U+001F, a null key as the empty
 * text, divided by 2^32. It depends on nothing else, so an entity keeps its side over requests,
 * processes and restarts, and a growing share only adds entities. Partitions of the fold use
 * another hash (FNV-1a), so a share is spread over all of them.
 */
export function splitPoint(model: string, entityKeys: readonly (string | null)[]): number {
  let text = model;
  for (const key of entityKeys) text += SEPARATOR + (key ?? '');
  return murmur3(encoder.encode(text)) / BUCKETS;
}

/**
 * What a request is split by: its entity keys, or, where its service has none, its example. All traffic would lie at one
 * point otherwise, and a share of it would be all or nothing.
 * @param anyId for a request that names no example either
 */
export function splitKeys(
  keyFields: readonly string[],
  row: Row,
  exampleId: string | null,
  anyId: () => string,
): readonly (string | null)[] {
  if (keyFields.length === 0) return [exampleId ?? anyId()];
  return keyFields.map((field) => row[field] as string | null);
}

/** What a request is split by as one text. */
export const unitOf = (entityKeys: readonly (string | null)[]): string => entityKeys.map((key) => key ?? '').join(SEPARATOR);

/** MurmurHash3_x86_32 by Austin Appleby (public domain), seed 0. */
export function murmur3(bytes: Uint8Array): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const blocksEnd = bytes.length & ~3;
  let hash = 0;
  for (let at = 0; at < blocksEnd; at += 4) {
    hash ^= scramble(view.getUint32(at, true));
    hash = Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64;
  }
  let tail = 0;
  for (let at = bytes.length - 1; at >= blocksEnd; at--) tail = (tail << 8) | (bytes[at] as number);
  if (bytes.length > blocksEnd) hash ^= scramble(tail);
  hash ^= bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function scramble(block: number): number {
  const mixed = Math.imul(block, 0xcc9e2d51);
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
}

import { randomFillSync } from 'node:crypto';

/** Random bytes of an id: 74 bits of them are used. */
const ID_BYTES = 10;
const POOL_BYTES = 512 * ID_BYTES;
const VARIANTS = '89ab';

const pool = Buffer.alloc(POOL_BYTES);
let used = POOL_BYTES;
let prefix = '';
let prefixOf = NaN;

/**
 * A UUID of version 7 (RFC 9562): sorts by `now` (ms since the epoch), so that an index of ids grows at its end. Put together here, for a random
 * UUID that is cut makes twenty strings.
 */
export function createDecisionId(now: number): string {
  if (now !== prefixOf) {
    const time = now.toString(16).padStart(12, '0');
    prefix = `${time.slice(0, 8)}-${time.slice(8)}-7`;
    prefixOf = now;
  }
  if (used === POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  const random = pool.toString('hex', used, used + ID_BYTES);
  const variant = VARIANTS[pool[used + ID_BYTES - 1]! & 3]!;
  used += ID_BYTES;
  return `${prefix}${random.slice(0, 3)}-${variant}${random.slice(3, 6)}-${random.slice(6, 18)}`;
}

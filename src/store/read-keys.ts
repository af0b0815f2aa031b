import type { Redis } from '../infra/redis.ts';

/**
 * Values of keys in their order, null where there is none. One server answers all in one command. A cluster takes one
 * command per slot, which is one per view partition; all of them are sent before the first is answered.
 */
export function readKeys(redis: Redis, keys: string[]): Promise<(Buffer | null)[]> {
  return redis.isCluster ? readBySlot(redis, keys) : redis.mgetBuffer(keys);
}

async function readBySlot(redis: Redis, keys: readonly string[]): Promise<(Buffer | null)[]> {
  const found = new Map<string, Buffer | null>();
  await Promise.all(
    [...bySlot(keys).values()].map(async (own) => {
      const values = await readSlot(redis, own);
      own.forEach((key, i) => found.set(key, values[i] ?? null));
    }),
  );
  return keys.map((key) => found.get(key) ?? null);
}

/** Keys by what decides their slot: a command takes those of one. */
export function bySlot(keys: readonly string[]): Map<string, string[]> {
  const slots = new Map<string, string[]>();
  for (const key of keys) {
    const tag = key.slice(0, key.indexOf('}'));
    const own = slots.get(tag);
    if (own === undefined) slots.set(tag, [key]);
    else own.push(key);
  }
  return slots;
}

const REDIRECTED = /\b(TRYAGAIN|ASK|MOVED)\b/;

/**
 * While a slot moves, a command is refused (TRYAGAIN) of which some keys are on either side, or nowhere. The driver asks
 * node after node until it gives up, so the last error may be any redirection: then each key is asked for alone.
 */
async function readSlot(redis: Redis, keys: string[]): Promise<(Buffer | null)[]> {
  try {
    return await redis.mgetBuffer(keys);
  } catch (error) {
    if (!(error instanceof Error) || !REDIRECTED.test(error.message)) throw error;
    return Promise.all(keys.map((key) => redis.getBuffer(key)));
  }
}

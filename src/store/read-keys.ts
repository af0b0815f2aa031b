import type { Redis } from '../infra/redis.ts';

/**
 * Values of keys in their order, null where there is none. One server answers all in one command. A cluster takes one
 * command per slot, which is one per view partition; all of them are sent before the first is answered.
 */
export function readKeys(redis: Redis, keys: string[]): Promise<(Buffer | null)[]> {
  return redis.isCluster ? readBySlot(redis, keys) : redis.mgetBuffer(keys);
}

async function readBySlot(redis: Redis, keys: readonly string[]): Promise<(Buffer | null)[]> {
  const slots = new Map<string, number[]>();
  for (const [i, key] of keys.entries()) {
    const tag = key.slice(0, key.indexOf('}'));
    const places = slots.get(tag);
    if (places === undefined) slots.set(tag, [i]);
    else places.push(i);
  }
  const values = new Array<Buffer | null>(keys.length).fill(null);
  await Promise.all(
    [...slots.values()].map(async (places) => {
      const found = await readSlot(
        redis,
        places.map((i) => keys[i]!),
      );
      for (const [n, i] of places.entries()) values[i] = found[n] ?? null;
    }),
  );
  return values;
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

import { setTimeout as sleep } from 'node:timers/promises';
import type { Names } from '../contracts/names.ts';
import type { KafkaClient } from '../infra/kafka.ts';
import type { Postgres, Queryable } from '../infra/postgres.ts';
import { serversOf, translateRedisError, type Redis } from '../infra/redis.ts';
import { bySlot } from './read-keys.ts';
import { reasonToKeep, type PinnedViews } from './plan-views.ts';
import { lockViews, lockViewVersion, moveViewVersion, noteViewRemoved, type ChangeNote } from './view-versions.ts';

/** Does one step of a removal, and nothing where the version has come back. @returns whether it was done */
export type WhileGone = (step: (tx: Queryable) => Promise<unknown>) => Promise<boolean>;

export interface RemoveViewDeps {
  readonly postgres: Postgres;
  readonly kafka: KafkaClient;
  readonly names: Names;
  readonly pinnedViews?: (keepMs: number) => Promise<readonly PinnedViews[]>;
  readonly keepMs: number;
  /** Removes all states and positions of a version, each page of them `whileGone`; answers how many keys it were. */
  readonly removeStates: (name: string, version: number, whileGone: WhileGone) => Promise<number>;
}

interface Of {
  readonly name: string;
  readonly version: number;
}

/** Consumers look every second which versions run: by then they have let it go. */
const CONSUMERS_GRACE_MS = 4_000;
const SCAN_COUNT = 1_000;

/**
 * Takes a version of a view that nothing needs out of the world: first out of what runs, then, once no consumer has it
 * any more, its topic and its states. Cut off in between, the next `apply` goes on. The plan that it is done for may
 * be old by now, and another `apply` may bring the version back at any time: each step looks again, and none is done
 * beside an `apply`.
 * @returns null where the version has come back, or is needed again
 */
export async function removeView(deps: RemoveViewDeps, of: Of, note: ChangeNote): Promise<{ keys: number } | null> {
  if (!(await takeOut(deps, of, note))) return null;
  await sleep(CONSUMERS_GRACE_MS);
  const whileGone: WhileGone = (step) =>
    deps.postgres.transaction(async (tx) => {
      await lockViews(tx);
      const row = await lockViewVersion(tx, of);
      const isLeft = row?.state === 'gone' && !row.removed;
      if (isLeft) await step(tx);
      return isLeft;
    });
  const topic = deps.names.viewTopic(of.name, of.version);
  const isDeleted = await whileGone(async () => {
    const present = await deps.kafka.topicPartitions([topic]);
    if (present.has(topic)) await deps.kafka.deleteTopics([topic]);
  });
  if (!isDeleted) return null;
  const keys = await deps.removeStates(of.name, of.version, whileGone);
  return (await whileGone((tx) => noteViewRemoved(tx, of))) ? { keys } : null;
}

/** @returns whether it is gone now and not removed yet */
function takeOut(deps: RemoveViewDeps, of: Of, note: ChangeNote): Promise<boolean> {
  return deps.postgres.transaction(async (tx) => {
    await lockViews(tx);
    const row = await lockViewVersion(tx, of);
    if (row?.state !== 'retiring') return row?.state === 'gone' && !row.removed;
    const pinned = (await deps.pinnedViews?.(deps.keepMs)) ?? null;
    if (reasonToKeep(row, pinned, deps.keepMs, Date.now()) !== null) return false;
    await moveViewVersion(tx, of, ['retiring'], 'gone', note);
    await tx.query(
      "DELETE FROM millrace.definitions WHERE kind = 'featureView' AND name = $1 AND version = $2",
      [of.name, of.version],
    );
    return true;
  });
}

/** Removes the keys of a version, a page at a time, so that each server goes on answering. */
export async function removeViewKeys(
  redis: Redis,
  names: Names,
  name: string,
  version: number,
  whileGone: WhileGone,
): Promise<number> {
  // As Names writes them: namespace, then the slot in braces, which begins with view and version.
  const match = `${names.namespace}:{${name}.${version}.*`;
  let removed = 0;
  try {
    for (const server of serversOf(redis)) {
      let cursor = '0';
      do {
        const [next, keys] = await server.scan(cursor, 'MATCH', match, 'COUNT', SCAN_COUNT);
        cursor = next;
        if (keys.length === 0) continue;
        const isGone = await whileGone(async () => {
          for (const ofSlot of bySlot(keys).values()) removed += await redis.unlink(ofSlot);
        });
        if (!isGone) return removed;
      } while (cursor !== '0');
    }
  } catch (error) {
    throw translateRedisError(error, `removing the states of view '${name}' version ${version}`);
  }
  return removed;
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { Names } from '../contracts/names.ts';
import type { KafkaClient } from '../infra/kafka.ts';
import type { Postgres } from '../infra/postgres.ts';
import { serversOf, translateRedisError, type Redis } from '../infra/redis.ts';
import { bySlot } from './read-keys.ts';
import { moveViewVersion, noteViewRemoved, type ChangeNote } from './view-versions.ts';

export interface RemoveViewDeps {
  readonly postgres: Postgres;
  readonly kafka: KafkaClient;
  readonly names: Names;
  /** Removes all states and positions of a version; answers how many keys it were. */
  readonly removeStates: (name: string, version: number) => Promise<number>;
}

/** Consumers look every second which versions run: by then they have let it go. */
const CONSUMERS_GRACE_MS = 4_000;
const SCAN_COUNT = 1_000;

/**
 * Takes a version of a view that nothing needs out of the world: first out of what runs, then, once no consumer has it
 * any more, its topic and its states. Cut off in between, the next `apply` goes on.
 */
export async function removeView(
  deps: RemoveViewDeps,
  of: { readonly name: string; readonly version: number },
  note: ChangeNote,
): Promise<{ keys: number }> {
  await deps.postgres.transaction(async (tx) => {
    await moveViewVersion(tx, of, ['retiring'], 'gone', note);
    await tx.query(
      "DELETE FROM millrace.definitions WHERE kind = 'featureView' AND name = $1 AND version = $2",
      [of.name, of.version],
    );
  });
  await sleep(CONSUMERS_GRACE_MS);
  const topic = deps.names.viewTopic(of.name, of.version);
  const present = await deps.kafka.topicPartitions([topic]);
  if (present.has(topic)) await deps.kafka.deleteTopics([topic]);
  const keys = await deps.removeStates(of.name, of.version);
  await noteViewRemoved(deps.postgres, of);
  return { keys };
}

/** Removes the keys of a version, a page at a time, so that each server goes on answering. */
export async function removeViewKeys(
  redis: Redis,
  names: Names,
  name: string,
  version: number,
): Promise<number> {
  // As Names writes them: namespace, then the slot in braces, which begins with view and version.
  const match = `${names.namespace}:{${name}.${version}.*`;
  let removed = 0;
  try {
    for (const server of serversOf(redis)) {
      let cursor = '0';
      do {
        const [next, keys] = await server.scan(cursor, 'MATCH', match, 'COUNT', SCAN_COUNT);
        for (const ofSlot of bySlot(keys).values()) removed += await redis.unlink(ofSlot);
        cursor = next;
      } while (cursor !== '0');
    }
  } catch (error) {
    throw translateRedisError(error, `removing the states of view '${name}' version ${version}`);
  }
  return removed;
}

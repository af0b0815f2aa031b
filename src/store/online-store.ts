import { createHash } from 'node:crypto';
import type { Names } from '../contracts/names.ts';
import type { ViewProgram } from '../fold/compile-view.ts';
import { partitionOf } from '../fold/partition-of.ts';
import { stateLifeMs } from '../fold/state-life.ts';
import { translateRedisError, type Redis } from '../infra/redis.ts';
import { readKeys } from './read-keys.ts';
import { ABSENT_POSITION, decodePosition, type ViewPosition } from './view-position.ts';
import { waitVisible, type SourceOffset } from './wait-visible.ts';

export type { SourceOffset } from './wait-visible.ts';

export interface PartitionWrite {
  /** Text of the position as the writer last knew it; '' where there was none. */
  readonly expected: string;
  readonly position: string;
  readonly states: readonly { readonly entityKey: string; readonly bytes: Uint8Array }[];
}

/**
 * The latest states of all views: a map of encoded states by view, version and entity key, with a position per
 * view partition. docs/online-store.md says what an adapter has to keep to, and how to prove that it does.
 */
export interface OnlineStore {
  /** Encoded states in the order asked for, in one round trip; null where there is no key or no state. */
  readStates(
    reads: readonly { readonly program: ViewProgram; readonly entityKey: string | null }[],
  ): Promise<(Buffer | null)[]>;
  /**
   * Writes states and position in one atomic step, if the stored position is still `expected`.
   * Writing the same twice is one write. A state may be dropped `stateLifeMs` after its last write, a position never.
   * @returns false where another position was found: nothing was written
   */
  writePartition(program: ViewProgram, partition: number, write: PartitionWrite): Promise<boolean>;
  /** The text of a position, '' where there is none. */
  readPositionText(program: ViewProgram, partition: number): Promise<string>;
  /** Texts of several positions in one round trip. */
  readPositionTexts(
    of: readonly { readonly program: ViewProgram; readonly partition: number }[],
  ): Promise<string[]>;
  readPositions(program: ViewProgram): Promise<ViewPosition[]>;
  /**
   * Resolves once every partition of every view of each named source has folded that source up to the
   * given offset: a read after it sees those events.
   * @throws MillraceError STORE_NOT_VISIBLE after `timeoutMs`
   */
  waitVisible(
    programs: readonly ViewProgram[],
    offsets: readonly SourceOffset[],
    timeoutMs: number,
  ): Promise<void>;
}

/**
 * Compares the position, then writes all states, each with its time to live (0: none), and the new position, which has
 * none; a repeated call finds its own position.
 */
const WRITE_SCRIPT = `
local current = redis.call('GET', KEYS[1]) or ''
if current ~= ARGV[1] then
  if current == ARGV[2] then return 1 end
  return 0
end
if ARGV[3] == '0' then
  for i = 2, #KEYS do redis.call('SET', KEYS[i], ARGV[i + 2]) end
else
  for i = 2, #KEYS do redis.call('SET', KEYS[i], ARGV[i + 2], 'PX', ARGV[3]) end
end
redis.call('SET', KEYS[1], ARGV[2])
return 1`;
const WRITE_SCRIPT_SHA = createHash('sha1').update(WRITE_SCRIPT).digest('hex');

/** The online store in Redis. */
export function createOnlineStore(redis: Redis, names: Names): OnlineStore {
  const prefixesOf = keyPrefixes(names);
  const positionKey = (program: ViewProgram, partition: number): string =>
    names.positionKey(program.name, program.version, partition);

  const readPositionTexts: OnlineStore['readPositionTexts'] = async (of) => {
    if (of.length === 0) return [];
    // One GET each, in one pipeline: partitions lie in different cluster slots.
    const answers = await Promise.all(
      of.map(({ program, partition }) => redis.get(positionKey(program, partition))),
    ).catch((error: unknown) => {
      throw translateRedisError(error, 'reading view positions');
    });
    return answers.map((text) => text ?? ABSENT_POSITION);
  };

  return {
    readPositionTexts,

    async readStates(reads) {
      const answers = new Array<Buffer | null>(reads.length).fill(null);
      const asked: number[] = [];
      const keys: string[] = [];
      for (const [i, { program, entityKey }] of reads.entries()) {
        if (entityKey === null) continue;
        asked.push(i);
        keys.push(prefixesOf(program)[partitionOf(entityKey, program.partitions)]! + entityKey);
      }
      if (keys.length === 0) return answers;
      const found = await readKeys(redis, keys).catch((error: unknown) => {
        throw translateRedisError(error, `reading ${keys.length} states`);
      });
      for (const [i, at] of asked.entries()) answers[at] = found[i] ?? null;
      return answers;
    },

    async writePartition(program, partition, write) {
      const prefix = prefixesOf(program)[partition]!;
      const keys = [positionKey(program, partition), ...write.states.map((s) => prefix + s.entityKey)];
      const lifeMs = String(stateLifeMs(program) ?? 0);
      const values = [write.expected, write.position, lifeMs, ...write.states.map((s) => asBuffer(s.bytes))];
      try {
        return (await runScript(redis, keys, values)) === 1;
      } catch (error) {
        throw translateRedisError(error, `writing ${write.states.length} states of view '${program.name}'`);
      }
    },

    async readPositionText(program, partition) {
      return (await readPositionTexts([{ program, partition }]))[0] ?? ABSENT_POSITION;
    },

    async readPositions(program) {
      const partitions = Array.from({ length: program.partitions }, (_, partition) => ({
        program,
        partition,
      }));
      return (await readPositionTexts(partitions)).map(decodePosition);
    },

    waitVisible: (programs, offsets, timeoutMs) =>
      waitVisible(readPositionTexts, programs, offsets, timeoutMs),
  };
}

/** By partition of a program, what the keys of its states begin with. */
function keyPrefixes(names: Names): (program: ViewProgram) => readonly string[] {
  const known = new WeakMap<ViewProgram, readonly string[]>();
  return (program) => {
    let prefixes = known.get(program);
    if (prefixes === undefined) {
      prefixes = Array.from({ length: program.partitions }, (_, partition) => names.stateKey(program.name, program.version, partition, ''));
      known.set(program, prefixes);
    }
    return prefixes;
  };
}

/** A view over the same memory: ioredis sends Buffers as they are. */
const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

async function runScript(redis: Redis, keys: string[], values: (string | Buffer)[]): Promise<unknown> {
  try {
    return await redis.evalsha(WRITE_SCRIPT_SHA, keys.length, ...keys, ...values);
  } catch (error) {
    // A restarted or flushed server has forgotten the script.
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    return redis.eval(WRITE_SCRIPT, keys.length, ...keys, ...values);
  }
}

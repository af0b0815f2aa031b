import { createHash } from 'node:crypto';
import type { Names } from '../contracts/names.ts';
import { MillraceError } from '../core/millrace-error.ts';
import type { ViewProgram } from '../fold/compile-view.ts';
import { partitionOf } from '../fold/partition-of.ts';
import { translateRedisError, type Redis } from '../infra/redis.ts';
import { ABSENT_POSITION, decodePosition, watermarkOf, type ViewPosition } from './view-position.ts';

/** Offset of a source that a caller waits for. */
export interface SourceOffset {
  readonly sourceName: string;
  readonly partition: number;
  readonly offset: number;
}

export interface PartitionWrite {
  /** Text of the position as the writer last knew it; '' where there was none. */
  readonly expected: string;
  readonly position: string;
  readonly states: readonly { readonly entityKey: string; readonly bytes: Uint8Array }[];
}

/** The latest states of all views, in Redis. */
export interface OnlineStore {
  /** Encoded states in the order asked for, by one MGET; null where there is no key or no state. */
  readStates(
    reads: readonly { readonly program: ViewProgram; readonly entityKey: string | null }[],
  ): Promise<(Buffer | null)[]>;
  /**
   * Writes states and position in one atomic step, if the position in Redis is still `expected`.
   * Writing the same twice is one write.
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

/** Compares the position, then writes all states and the new position; a repeated call finds its own position. */
const WRITE_SCRIPT = `
local current = redis.call('GET', KEYS[1]) or ''
if current ~= ARGV[1] then
  if current == ARGV[2] then return 1 end
  return 0
end
for i = 2, #KEYS do redis.call('SET', KEYS[i], ARGV[i + 1]) end
redis.call('SET', KEYS[1], ARGV[2])
return 1`;
const WRITE_SCRIPT_SHA = createHash('sha1').update(WRITE_SCRIPT).digest('hex');

const VISIBLE_POLL_MS = 1;
/** A longer wait is polled more seldom: by this share of the time that it took so far. */
const VISIBLE_POLL_SHARE = 0.05;

export function createOnlineStore(redis: Redis, names: Names): OnlineStore {
  const stateKey = (program: ViewProgram, partition: number, entityKey: string): string =>
    names.stateKey(program.name, program.version, partition, entityKey);
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
        keys.push(stateKey(program, partitionOf(entityKey, program.partitions), entityKey));
      }
      if (keys.length === 0) return answers;
      const found = await redis.mgetBuffer(keys).catch((error: unknown) => {
        throw translateRedisError(error, `reading ${keys.length} states`);
      });
      for (const [i, at] of asked.entries()) answers[at] = found[i] ?? null;
      return answers;
    },

    async writePartition(program, partition, write) {
      const keys = [
        positionKey(program, partition),
        ...write.states.map((s) => stateKey(program, partition, s.entityKey)),
      ];
      const values = [write.expected, write.position, ...write.states.map((s) => asBuffer(s.bytes))];
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

async function waitVisible(
  readPositionTexts: OnlineStore['readPositionTexts'],
  programs: readonly ViewProgram[],
  offsets: readonly SourceOffset[],
  timeoutMs: number,
): Promise<void> {
  let waiting = programs.flatMap((program) => {
    const wanted = offsets.filter((o) => o.sourceName === program.view.source.name);
    if (wanted.length === 0) return [];
    return Array.from({ length: program.partitions }, (_, partition) => ({ program, partition, wanted }));
  });
  const since = performance.now();
  for (;;) {
    const texts = await readPositionTexts(waiting);
    waiting = waiting.filter(({ wanted }, i) => {
      const position = decodePosition(texts[i] ?? ABSENT_POSITION);
      return wanted.some((o) => watermarkOf(position, o.partition) < o.offset);
    });
    const behind = waiting[0];
    if (behind === undefined) return;
    const waitedMs = performance.now() - since;
    if (waitedMs >= timeoutMs) throw notVisible(behind.program, behind.partition, behind.wanted, timeoutMs);
    const pollMs = Math.max(VISIBLE_POLL_MS, waitedMs * VISIBLE_POLL_SHARE);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
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

function notVisible(
  program: ViewProgram,
  partition: number,
  wanted: readonly SourceOffset[],
  timeoutMs: number,
): Error {
  const offsets = wanted.map((o) => `${o.partition}:${o.offset}`).join(', ');
  return new MillraceError(
    'STORE_NOT_VISIBLE',
    `View '${program.name}' version ${program.version}, partition ${partition}, has not folded source '${program.view.source.name}' up to ${offsets} within ${timeoutMs} ms. Check that the stream worker runs ('millrace status').`,
  );
}

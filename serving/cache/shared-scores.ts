import { createHash } from 'node:crypto';
import { translateRedisError, type Redis } from '../../src/infra/redis.ts';
import type { Logger } from '../../src/infra/logger.ts';
import { readKeys } from '../../src/store/read-keys.ts';
import type { Timers } from '../batcher/timers.ts';
import { withDeadline } from '../with-deadline.ts';

/** Of the hash that names a row: two different rows of one model meet by chance once in about 2^64. They are compared all the same. */
const HASH_BYTES = 16;
/** A cache that takes longer is no help; the row is run. */
const READ_MS_MAX = 10;
/** After a failure nothing is asked for so long. */
const PAUSE_MS = 1_000;

export interface SharedScoresOptions {
  readonly redis: Redis;
  /** The key of a score, by model digest and hash of the row. */
  readonly keyOf: (digest: string, hash: string) => string;
  readonly digest: string;
  readonly columns: number;
  readonly ttlMs: number;
  readonly timers: Timers;
  readonly logger: Logger;
}

/**
 * Scores of one model version in Redis, for all serving processes: by the model's digest and a hash of 128 bits of the row,
 * beside the row itself. Redis may be away or slow: its rows are run then.
 */
export class SharedScores {
  readonly #options: SharedScoresOptions;
  #pausedUntil = -Infinity;

  constructor(options: SharedScoresOptions) {
    this.#options = options;
  }

  /** Fills in what Redis has; answers the rows that it has not. */
  async read(features: Float32Array, rows: readonly number[], scores: Float32Array): Promise<readonly number[]> {
    const { redis, timers } = this.#options;
    const now = timers.now();
    if (now < this.#pausedUntil) return rows;
    try {
      const keys = rows.map((row) => this.#keyOf(this.#bytesOf(features, row)));
      const found = await withDeadline(readKeys(redis, keys), now + READ_MS_MAX, timers, 'Redis was slow.');
      return rows.filter((row, i) => !this.#take(found[i] ?? null, this.#bytesOf(features, row), row, scores));
    } catch (error) {
      this.#pause(error);
      return rows;
    }
  }

  /** Stores scores behind the answer. */
  write(features: Float32Array, rows: readonly number[], scores: Float32Array): void {
    const { redis, ttlMs, timers } = this.#options;
    if (timers.now() < this.#pausedUntil) return;
    const writing = rows
      .filter((row) => Number.isFinite(scores[row]))
      .map((row) => {
        const bytes = this.#bytesOf(features, row);
        const value = Buffer.concat([bytes, Buffer.from(scores.buffer, scores.byteOffset + row * 4, 4)]);
        return redis.set(this.#keyOf(bytes), value, 'PX', ttlMs);
      });
    Promise.all(writing).catch((error: unknown) => this.#pause(error));
  }

  #take(value: Buffer | null, row: Buffer, index: number, scores: Float32Array): boolean {
    if (value?.length !== row.length + 4 || !value.subarray(0, row.length).equals(row)) return false;
    scores[index] = value.readFloatLE(row.length);
    return true;
  }

  #bytesOf(features: Float32Array, row: number): Buffer {
    const { columns } = this.#options;
    return Buffer.from(features.buffer, features.byteOffset + row * columns * 4, columns * 4);
  }

  #keyOf(row: Buffer): string {
    const { keyOf, digest } = this.#options;
    return keyOf(digest, createHash('sha256').update(row).digest().subarray(0, HASH_BYTES).toString('hex'));
  }

  #pause(error: unknown): void {
    const { timers, logger } = this.#options;
    if (timers.now() >= this.#pausedUntil) logger.warn({ err: translateRedisError(error, 'reading scores') }, 'scores are not shared for a second');
    this.#pausedUntil = timers.now() + PAUSE_MS;
  }
}

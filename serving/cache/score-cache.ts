import type { WriteRow } from '../batcher/write-row.ts';
import type { BatchAnswer } from '../batcher/pending-request.ts';
import type { Timers } from '../batcher/timers.ts';
import { UnderWay } from '../under-way.ts';
import { withDeadline } from '../with-deadline.ts';
import { hashWords, RowTable } from './row-table.ts';
import type { SharedScores } from './shared-scores.ts';

/** How rows were answered: from here, from what others store, by a run that another request waits for, by a run of their own. */
export const cacheOutcomes = ['memory', 'shared', 'joined', 'run'] as const;
export type CacheOutcome = (typeof cacheOutcomes)[number];

export interface ScoreCacheOptions {
  readonly columns: number;
  readonly rowsMax: number;
  readonly ttlMs: number;
  /** Scores that other processes know; null for none. */
  readonly shared: SharedScores | null;
  readonly timers: Timers;
  readonly onRows: (outcome: CacheOutcome, rows: number) => void;
}

/** Runs rows, as a batcher does. */
export type Submit = (rows: number, write: WriteRow) => Promise<BatchAnswer>;

/** A run that has been asked for, whoever asked first. */
class Flight {
  /** Most runs have nobody else waiting. */
  #waiting: { readonly resolve: (score: number) => void; readonly reject: (error: unknown) => void }[] | undefined;

  join(): Promise<number> {
    const score = new Promise<number>((resolve, reject) => (this.#waiting ??= []).push({ resolve, reject }));
    // Whoever joins may have gone by then.
    score.catch(() => undefined);
    return score;
  }

  land(score: number): void {
    for (const { resolve } of this.#waiting ?? []) resolve(score);
  }

  fail(error: unknown): void {
    for (const { reject } of this.#waiting ?? []) reject(error);
  }
}

/** Rows of a request that are to be run, and by row the slot that waits for it; -1 where there was no room for one. */
interface Misses {
  readonly rows: number[];
  readonly slots: number[];
}

/** A row of a request that another request has asked for, and its score to be. */
interface Joined {
  readonly row: number;
  readonly score: Promise<number>;
}

/**
 * Scores of one model version by the exact row, null (NaN) and the sign of zero included. A row that is being run already is
 * not run again: whoever asks for it waits for that run. Only rows that are new come to the batcher.
 */
export class ScoreCache {
  readonly #options: ScoreCacheOptions;
  readonly #table: RowTable;
  readonly #scores: Float32Array;
  readonly #endsAt: Float64Array;
  readonly #flights = new Map<number, Flight>();
  readonly #underWay = new UnderWay();

  constructor(options: ScoreCacheOptions) {
    this.#options = options;
    this.#table = new RowTable(options.columns, options.rowsMax);
    this.#scores = new Float32Array(options.rowsMax);
    this.#endsAt = new Float64Array(options.rowsMax);
  }

  /** Rows whose scores it has, or waits for. */
  get size(): number {
    return this.#table.size;
  }

  /**
   * @param features row-major, whole rows; must not change until the answer
   * @param deadline on the scale of `timers.now()`
   * @throws what `submit` throws, SERVING_DEADLINE_EXCEEDED
   */
  async score(features: Float32Array, submit: Submit, deadline: number): Promise<BatchAnswer> {
    const { columns, timers } = this.#options;
    const startedAt = timers.now();
    const scores = new Float32Array(features.length / columns);
    this.#underWay.begin();
    try {
      const { misses, joined } = this.#look(features, scores);
      let computeMs = misses.rows.length === 0 ? 0 : await this.#answerMisses(features, misses, scores, submit);
      if (joined.length > 0) {
        const failed = await this.#join(joined, scores, deadline);
        // What another request waited for in vain, by its own deadline say, this one still has the time for.
        if (failed.length > 0) computeMs += await runRows(features, columns, failed, scores, submit);
      }
      return { scores, computeMs, queueMs: Math.max(0, timers.now() - startedAt - computeMs) };
    } finally {
      this.#underWay.end();
    }
  }

  /** Resolves when every row that it was asked for is answered. */
  idle(): Promise<void> {
    return this.#underWay.idle();
  }

  /** Fills in what is there; no row is looked at twice, and nothing is awaited: of two requests one is always the first. */
  #look(features: Float32Array, scores: Float32Array): { misses: Misses; joined: Joined[] } {
    const { columns, timers, onRows } = this.#options;
    const words = new Int32Array(features.buffer, features.byteOffset, features.length);
    const now = timers.now();
    const misses: Misses = { rows: [], slots: [] };
    const joined: Joined[] = [];
    for (let row = 0, at = 0; row < scores.length; row++, at += columns) {
      const hash = hashWords(words, at, columns);
      let slot = this.#table.find(words, at, hash);
      const flight = slot < 0 ? undefined : this.#flights.get(slot);
      if (flight !== undefined) {
        joined.push({ row, score: flight.join() });
      } else if (slot >= 0 && this.#endsAt[slot]! > now) {
        scores[row] = this.#scores[slot]!;
      } else {
        if (slot < 0) slot = this.#table.put(words, at, hash);
        if (slot >= 0) this.#takeOff(slot);
        misses.rows.push(row);
        misses.slots.push(slot);
      }
    }
    const found = scores.length - misses.rows.length - joined.length;
    if (found > 0) onRows('memory', found);
    if (joined.length > 0) onRows('joined', joined.length);
    return { misses, joined };
  }

  /** @returns ms of the batches that ran them */
  async #answerMisses(features: Float32Array, { rows, slots }: Misses, scores: Float32Array, submit: Submit): Promise<number> {
    const { columns, shared, timers, ttlMs, onRows } = this.#options;
    try {
      const left = shared === null ? rows : await shared.read(features, rows, scores);
      if (left.length < rows.length) onRows('shared', rows.length - left.length);
      if (left.length > 0) onRows('run', left.length);
      const computeMs = left.length === 0 ? 0 : await runRows(features, columns, left, scores, submit);
      const endsAt = timers.now() + ttlMs;
      for (let i = 0; i < rows.length; i++) this.#land(slots[i]!, scores[rows[i]!]!, endsAt);
      shared?.write(features, left, scores);
      return computeMs;
    } catch (error) {
      for (const slot of slots) this.#fail(slot, error);
      throw error;
    }
  }

  /** @returns rows whose run failed for the request that asked for it */
  async #join(joined: readonly Joined[], scores: Float32Array, deadline: number): Promise<number[]> {
    const failed: number[] = [];
    const landed = joined.map(async ({ row, score }) => {
      try {
        scores[row] = await score;
      } catch {
        failed.push(row);
      }
    });
    await withDeadline(Promise.all(landed), deadline, this.#options.timers, 'Prediction was not ready by its deadline. Allow more time, or add serving processes.');
    return failed;
  }

  #takeOff(slot: number): void {
    this.#flights.set(slot, new Flight());
    this.#table.hold(slot);
  }

  #land(slot: number, score: number, endsAt: number): void {
    if (slot < 0) return;
    this.#flights.get(slot)?.land(score);
    this.#flights.delete(slot);
    this.#table.letGo(slot);
    // A score that is no number is an error, not an answer to give again.
    if (!Number.isFinite(score)) this.#table.remove(slot);
    this.#scores[slot] = score;
    this.#endsAt[slot] = endsAt;
  }

  #fail(slot: number, error: unknown): void {
    if (slot < 0) return;
    this.#flights.get(slot)?.fail(error);
    this.#flights.delete(slot);
    this.#table.remove(slot);
  }
}

/** Runs some rows of a request and puts their scores in their places. @returns ms of their batches */
async function runRows(features: Float32Array, columns: number, rows: readonly number[], scores: Float32Array, submit: Submit): Promise<number> {
  const answer = await submit(rows.length, (i, out, at) => out.set(features.subarray(rows[i]! * columns, (rows[i]! + 1) * columns), at));
  for (let i = 0; i < rows.length; i++) scores[rows[i]!] = answer.scores[i]!;
  return answer.computeMs;
}

import { copyRow, rowsOf, type WriteRow } from '../batcher/write-row.ts';
import type { BatchAnswer } from '../batcher/pending-request.ts';
import type { Timers } from '../batcher/timers.ts';
import { UnderWay } from '../under-way.ts';
import { withDeadline } from '../with-deadline.ts';
import type { LookSampling } from './look-sampling.ts';
import { hashWords, RowTable } from './row-table.ts';
import type { SharedScores } from './shared-scores.ts';

/**
 * How rows were answered: from here, from what others store, by a run that another request waits for, by a run of their own; or by a run
 * without a look, while next to nothing is found.
 */
export const cacheOutcomes = ['memory', 'shared', 'joined', 'run', 'skipped'] as const;
export type CacheOutcome = (typeof cacheOutcomes)[number];

export interface ScoreCacheOptions {
  readonly columns: number;
  readonly rowsMax: number;
  readonly ttlMs: number;
  /** Scores that other processes know; null for none. */
  readonly shared: SharedScores | null;
  readonly sampling: LookSampling;
  readonly timers: Timers;
  readonly onRows: (outcome: CacheOutcome, rows: number) => void;
}

/** Runs rows, as a batcher does. */
export type Submit = (rows: number, write: WriteRow) => Promise<BatchAnswer>;

/** Somebody who waits for the run of a row that another request asked for. */
interface Waiting {
  readonly resolve: (score: number) => void;
  readonly reject: (error: unknown) => void;
}

/** Rows of a request that were not found, and by row the slot that waits for it; -1 where there was no room for one. */
interface Misses {
  readonly rows: number[];
  readonly slots: number[];
}

/** A row of a request that another request has asked for, and its score to be. */
interface Joined {
  readonly row: number;
  readonly score: Promise<number>;
}

/** What a look found of a request's rows. */
interface Looked {
  readonly misses: Misses;
  /** Rows that were not looked up. */
  readonly skipped: readonly number[];
  readonly joined: readonly Joined[];
  /** Scores that were there, in their rows' places; absent where there was none. */
  readonly found: Float32Array | undefined;
}

const NOTHING_JOINED: readonly Joined[] = [];
const NOTHING_SKIPPED: readonly number[] = [];

/**
 * Scores of one model version by the exact row, null (NaN) and the sign of zero included. A row that is being run already is
 * not run again: whoever asks for it waits for that run. Only rows that are new come to the batcher. A slot that is held is one
 * whose row is being run.
 */
export class ScoreCache {
  readonly #options: ScoreCacheOptions;
  readonly #table: RowTable;
  readonly #scores: Float32Array;
  readonly #endsAt: Float64Array;
  /** By slot, of the few runs that somebody else waits for. */
  readonly #waiting = new Map<number, Waiting[]>();
  readonly #underWay = new UnderWay();
  /** A row as numbers and as the words that it is found by: a view of each request would cost more than a copy of its row. */
  readonly #row: Float32Array;
  readonly #rowWords: Int32Array;

  constructor(options: ScoreCacheOptions) {
    this.#options = options;
    this.#table = new RowTable(options.columns, options.rowsMax);
    this.#scores = new Float32Array(options.rowsMax);
    this.#endsAt = new Float64Array(options.rowsMax);
    this.#row = new Float32Array(options.columns);
    this.#rowWords = new Int32Array(this.#row.buffer);
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
  score(features: Float32Array, submit: Submit, deadline: number): Promise<BatchAnswer> {
    const { columns, sampling, onRows } = this.#options;
    const rows = features.length / columns;
    if (sampling.isSparse && !this.#takesAny(features, rows)) {
      sampling.count(rows, 0);
      onRows('skipped', rows);
      return submit(rows, rowsOf(features, columns));
    }
    const looked = this.#look(features, rows);
    this.#underWay.begin();
    return looked.misses.rows.length === rows && this.#options.shared === null
      ? this.#scoreNew(features, looked.misses.slots, submit)
      : this.#scoreSome(features, rows, looked, submit, deadline);
  }

  /** Resolves when every row that it has taken is answered. */
  idle(): Promise<void> {
    return this.#underWay.idle();
  }

  /** Nothing of the request is known: the answer of its run is its answer. */
  #scoreNew(features: Float32Array, slots: readonly number[], submit: Submit): Promise<BatchAnswer> {
    const { columns, onRows } = this.#options;
    onRows('run', slots.length);
    return submit(slots.length, rowsOf(features, columns)).then(
      (answer) => {
        for (let i = 0; i < slots.length; i++) this.#land(slots[i]!, answer.scores[i]!);
        this.#underWay.end();
        return answer;
      },
      (error: unknown) => {
        for (const slot of slots) this.#fail(slot, error);
        this.#underWay.end();
        throw error;
      },
    );
  }

  async #scoreSome(features: Float32Array, rows: number, { misses, skipped, joined, found }: Looked, submit: Submit, deadline: number): Promise<BatchAnswer> {
    const { columns, timers } = this.#options;
    const startedAt = timers.now();
    const scores = found ?? new Float32Array(rows);
    try {
      let computeMs = misses.rows.length + skipped.length === 0 ? 0 : await this.#answerMisses(features, misses, skipped, scores, submit);
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

  #takesAny(features: Float32Array, rows: number): boolean {
    for (let row = 0; row < rows; row++) if (this.#options.sampling.takes(this.#hashOf(features, row))) return true;
    return false;
  }

  /** Leaves the row's words in `#rowWords`. */
  #hashOf(features: Float32Array, row: number): number {
    const { columns } = this.#options;
    copyRow(features, row, columns, this.#row, 0);
    return hashWords(this.#rowWords, 0, columns);
  }

  /** Finds what is there; no row is looked at twice, and nothing is awaited: of two requests one is always the first. */
  #look(features: Float32Array, rows: number): Looked {
    const { sampling, timers, ttlMs, onRows } = this.#options;
    const now = timers.now();
    const misses: Misses = { rows: [], slots: [] };
    let skipped: number[] | undefined;
    let joined: Joined[] | undefined;
    let found: Float32Array | undefined;
    for (let row = 0; row < rows; row++) {
      const hash = this.#hashOf(features, row);
      if (!sampling.takes(hash)) {
        (skipped ??= []).push(row);
        continue;
      }
      let slot = this.#table.find(this.#rowWords, 0, hash);
      if (slot >= 0 && this.#table.isHeld(slot)) {
        (joined ??= []).push({ row, score: this.#wait(slot) });
      } else if (slot >= 0 && this.#endsAt[slot]! > now) {
        (found ??= new Float32Array(rows))[row] = this.#scores[slot]!;
      } else {
        if (slot < 0) slot = this.#table.put(this.#rowWords, 0, hash);
        if (slot >= 0) {
          this.#table.hold(slot);
          this.#endsAt[slot] = now + ttlMs;
        }
        misses.rows.push(row);
        misses.slots.push(slot);
      }
    }
    const sought = rows - misses.rows.length - (skipped?.length ?? 0);
    const known = sought - (joined?.length ?? 0);
    sampling.count(rows, sought);
    if (known > 0) onRows('memory', known);
    if (joined !== undefined) onRows('joined', joined.length);
    if (skipped !== undefined) onRows('skipped', skipped.length);
    return { misses, skipped: skipped ?? NOTHING_SKIPPED, joined: joined ?? NOTHING_JOINED, found };
  }

  /** @returns ms of the batches that ran them */
  async #answerMisses(features: Float32Array, { rows, slots }: Misses, skipped: readonly number[], scores: Float32Array, submit: Submit): Promise<number> {
    const { columns, shared, sampling, onRows } = this.#options;
    try {
      const left = shared === null || rows.length === 0 ? rows : await shared.read(features, rows, scores);
      if (left.length < rows.length) {
        onRows('shared', rows.length - left.length);
        sampling.count(0, rows.length - left.length);
      }
      if (left.length > 0) onRows('run', left.length);
      const running = skipped.length === 0 ? left : left.concat(skipped);
      const computeMs = running.length === 0 ? 0 : await runRows(features, columns, running, scores, submit);
      for (let i = 0; i < rows.length; i++) this.#land(slots[i]!, scores[rows[i]!]!);
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

  #wait(slot: number): Promise<number> {
    const score = new Promise<number>((resolve, reject) => {
      const waiting = this.#waiting.get(slot);
      if (waiting === undefined) this.#waiting.set(slot, [{ resolve, reject }]);
      else waiting.push({ resolve, reject });
    });
    // Whoever waits may have gone by then.
    score.catch(() => undefined);
    return score;
  }

  #noLongerWaiting(slot: number): readonly Waiting[] {
    const waiting = this.#waiting.size === 0 ? undefined : this.#waiting.get(slot);
    if (waiting === undefined) return [];
    this.#waiting.delete(slot);
    return waiting;
  }

  #land(slot: number, score: number): void {
    if (slot < 0) return;
    for (const { resolve } of this.#noLongerWaiting(slot)) resolve(score);
    this.#table.letGo(slot);
    // A score that is no number is an error, not an answer to give again.
    if (!Number.isFinite(score)) this.#table.remove(slot);
    this.#scores[slot] = score;
  }

  #fail(slot: number, error: unknown): void {
    if (slot < 0) return;
    for (const { reject } of this.#noLongerWaiting(slot)) reject(error);
    this.#table.remove(slot);
  }
}

/** Runs some rows of a request and puts their scores in their places. @returns ms of their batches */
async function runRows(features: Float32Array, columns: number, rows: readonly number[], scores: Float32Array, submit: Submit): Promise<number> {
  const answer = await submit(rows.length, (i, out, at) => {
    copyRow(features, rows[i]!, columns, out, at);
  });
  for (let i = 0; i < rows.length; i++) scores[rows[i]!] = answer.scores[i]!;
  return answer.computeMs;
}

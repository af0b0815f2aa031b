import type { CacheOutcome } from './cache/score-cache.ts';

/** Batches of one size. */
interface BatchTally {
  count: number;
  ms: number;
}

/** What the protocol's statistics tell of a version beyond its histograms, since this process first had it. */
export class VersionTally {
  /** Rows that were answered. */
  rows = 0;
  /** When the newest answer was made, in ms since 1970; 0 before any. */
  lastAt = 0;
  /** Rows whose scores the cache had, or another request was about to have. */
  cacheHits = 0;
  cacheMisses = 0;
  readonly #batches = new Map<number, BatchTally>();

  answered(rows: number, now: number): void {
    this.rows += rows;
    this.lastAt = now;
  }

  /** Of the cache. */
  looked(outcome: CacheOutcome, rows: number): void {
    if (outcome === 'run' || outcome === 'skipped') this.cacheMisses += rows;
    else this.cacheHits += rows;
  }

  ran(rows: number, tookMs: number): void {
    const batch = this.#batches.get(rows);
    if (batch === undefined) {
      this.#batches.set(rows, { count: 1, ms: tookMs });
      return;
    }
    batch.count++;
    batch.ms += tookMs;
  }

  /** By rows, ascending: no more than a batch may have. */
  get batches(): readonly (readonly [rows: number, batch: Readonly<BatchTally>])[] {
    return [...this.#batches].sort(([a], [b]) => a - b);
  }
}

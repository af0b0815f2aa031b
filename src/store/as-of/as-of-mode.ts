import type { Row } from '../../define/field.ts';

/**
 * Which events a row as of T sees. `known`: those known at T, as serving and training do. `happened`: those that had
 * happened by T, late ones included, as if each had been known the moment it happened: what `known` differs from it by
 * is a leak in any data set that was joined on event times.
 */
export type AsOfMode = 'known' | 'happened';

/** A row to be read: entity keys and request fields, and the moment, ms since the epoch. */
export interface SpineRow {
  readonly row: Row;
  readonly asOf: number;
}

export interface AsOfRequest {
  readonly mode: AsOfMode;
  /** What was known later does not exist, ms since the epoch. */
  readonly dataCut: number;
  /** Events of a source that are sorted in memory; more are sorted by the store and stream by. */
  readonly eventsInMemory?: number;
}

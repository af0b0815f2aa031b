import { MillraceError } from '../core/millrace-error.ts';

/**
 * How far the states of one view partition have come. It is written with the states, in one step, and
 * its text is the compare-and-set token of every later write.
 */
export interface ViewPosition {
  /** Offset of the last frame of the view topic that is folded; -1 before the first. */
  readonly viewOffset: number;
  /** Source partition -> highest source offset up to which every event of this view partition is folded. */
  readonly watermarks: Readonly<Record<string, number>>;
  /** Ms since the epoch; null before the first event. */
  readonly newestKnownTime: number | null;
  /** There while the partition is rebuilt from the offline log: nobody else may write until `until`. */
  readonly rebuild?: RebuildLease;
}

export interface RebuildLease {
  readonly token: string;
  /** Of one claim: two under one token never write the same text, which the store would take for one write. */
  readonly claim: string;
  /** Wall clock, ms since the epoch, at which the lease ends unless renewed. */
  readonly until: number;
  /** Grows with every write under the lease, so that no two of its texts are equal. */
  readonly step: number;
  /** Of a backfill: how far it is. Written with the states, so that a chunk is done with its progress or not at all. */
  readonly backfill?: BackfillProgress;
}

export interface BackfillProgress {
  /** Source partition -> offset at which the backfill ends; the live consumer has what comes after. */
  readonly cuts: Readonly<Record<string, number>>;
  /** Source partition -> offset of the first event that is not folded yet. */
  readonly next: Readonly<Record<string, number>>;
  /** Rows of the log that were read, and events of this view partition that were folded. */
  readonly rows: number;
  readonly events: number;
  readonly newestKnownTime: number | null;
}

export const startPosition: ViewPosition = { viewOffset: -1, watermarks: {}, newestKnownTime: null };

/** The text of no position at all. */
export const ABSENT_POSITION = '';

export const encodePosition = (position: ViewPosition): string => JSON.stringify(position);

/** @throws MillraceError STORE_POSITION_CORRUPT */
export function decodePosition(text: string): ViewPosition {
  if (text === ABSENT_POSITION) return startPosition;
  try {
    const parsed = JSON.parse(text) as ViewPosition;
    if (Number.isInteger(parsed.viewOffset) && typeof parsed.watermarks === 'object') return parsed;
  } catch {
    // Answered below: the text is what matters.
  }
  throw new MillraceError(
    'STORE_POSITION_CORRUPT',
    `The position of a view partition in Redis is '${text.slice(0, 80)}', expected a JSON object with viewOffset and watermarks. Rebuild the view with 'millrace materialize'.`,
  );
}

/** The watermark of one source partition; -1 where nothing of it was folded. */
export const watermarkOf = (position: ViewPosition, sourcePartition: number): number =>
  position.watermarks[sourcePartition] ?? -1;

import { splitEntityKey } from '../../define/entity.ts';
import type { Source } from '../../define/source.ts';
import type { Column } from '../copy-columns.ts';

/** Events of keys that were asked for, as columns. */
export interface EventBlock {
  readonly rows: number;
  /** Index of the event's key among those that were asked for. */
  readonly keyIds: Float64Array;
  /** min(event time, known time), ms since the epoch. */
  readonly effectiveTime: Float64Array;
  readonly knownTime: Float64Array;
  /** Orders events of one moment: the place in the log, or in the file. */
  readonly sequence: Float64Array;
  /** In the order of the fields that were asked for. Texts, or numbers: booleans are 0 and 1, times ms, null is NaN. */
  readonly fields: readonly Column[];
}

/** By key: the first and the last moment that a row of it is read as of, ms since the epoch. */
export interface KeyMoments {
  readonly earliest: Float64Array;
  readonly latest: Float64Array;
}

/** Events that no row of their key can see, by its own moments, are left out. */
export interface EventRequest {
  readonly source: Source;
  /** Fields that hold the entity's key, in its order. */
  readonly keyFields: readonly string[];
  /** Distinct; each as `entityKeyOf` joins it. */
  readonly keys: readonly string[];
  /** By key. */
  readonly moments: KeyMoments;
  /** How long before a row's moment an event can have become visible and still change what the row reads, ms; Infinity: for ever. */
  readonly reachMs: number;
  readonly fields: readonly string[];
  /** Only events known after it, ms since the epoch: no key has an earlier moment. */
  readonly knownAfter?: number;
  readonly knownTo: number;
  /** Only events that had happened by then. */
  readonly happenedTo?: number;
  /** The time that decides whether a row sees an event: what `ordered` goes by. */
  readonly visibleBy: 'known' | 'happened';
}

export interface EventScan {
  /** Events in any order, until there are so many or a block more. */
  some(rowsMax: number, onBlock: (block: EventBlock) => void): Promise<void>;
  /** All events, by the time that decides and then by their sequence. */
  ordered(onBlock: (block: EventBlock) => void): Promise<void>;
}

/** @param request the scan's place among those that were asked for */
export type ScanWork = (scan: EventScan, request: number) => Promise<void>;

/** Scans of one chunk at one time: one is read while the events of another are folded. */
export const SCANS_AT_ONCE = 2;

/** Where events of the past are read from: the offline log, or files of columns. */
export interface EventReader {
  /**
   * Makes the keys known to the store, once, and lets `work` scan the events of each request; some at one time.
   * @param requests of the same keys and moments, by as many fields
   */
  withScans(requests: readonly EventRequest[], work: ScanWork): Promise<void>;
  close(): Promise<void>;
}

/** The fields of keys as columns: one array a key field. */
export function keyColumns(keys: readonly string[], keyFields: number): string[][] {
  if (keyFields === 1) return [[...keys]];
  const parts = keys.map((key) => splitEntityKey(key));
  return Array.from({ length: keyFields }, (_, field) => parts.map((part) => part[field] ?? ''));
}

/** A block of columns in the order in which stores are asked for them: key, effective and known time, sequence, fields. */
export function blockOf(rows: number, columns: readonly Column[]): EventBlock {
  const [keyIds, effectiveTime, knownTime, sequence, ...fields] = columns as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    ...Column[],
  ];
  return { rows, keyIds, effectiveTime, knownTime, sequence, fields };
}

import type { Column } from '../../../src/store/copy-columns.ts';
import type { EventBlock, EventReader, EventRequest, EventScan } from '../../../src/store/as-of/event-reader.ts';
import type { Row } from '../../../src/define/field.ts';

export interface MemoryEvent {
  readonly key: string;
  readonly sourcePartition: number;
  readonly sourceOffset: number;
  readonly effectiveTime: number;
  readonly knownTime: number;
  readonly row: Row;
}

const OFFSETS_MAX = 1_000_000;
const BLOCK_ROWS = 7;

/** Events that lie in memory in any order, read as a store reads them: filtered, in blocks, ordered where that is asked for. */
export const memoryEvents = (events: readonly MemoryEvent[]): EventReader => ({
  async withScans(requests, work) {
    for (const [i, request] of requests.entries()) await work(scanOf(events, request), i);
  },
  close: () => Promise.resolve(),
});

function scanOf(events: readonly MemoryEvent[], request: EventRequest): EventScan {
  const { keys, moments, reachMs, source, fields, knownAfter = -Infinity, knownTo, happenedTo = Infinity, visibleBy } = request;
    const timeOf = (one: MemoryEvent): number => (visibleBy === 'known' ? one.knownTime : one.effectiveTime);
    const isSeen = (one: MemoryEvent, key: number): boolean =>
      key >= 0 && timeOf(one) <= moments.latest[key]! && timeOf(one) >= moments.earliest[key]! - reachMs;
    const seen = events.filter(
      (one) =>
        isSeen(one, keys.indexOf(one.key)) &&
        one.knownTime > knownAfter &&
        one.knownTime <= knownTo &&
        one.effectiveTime <= happenedTo,
    );
    const sequenceOf = (one: MemoryEvent): number => one.sourcePartition * OFFSETS_MAX + one.sourceOffset;
    const numberOf = (value: unknown): number =>
      typeof value === 'number' ? value : typeof value === 'boolean' ? Number(value) : NaN;
    const blockOf = (some: readonly MemoryEvent[]): EventBlock => ({
      rows: some.length,
      keyIds: Float64Array.from(some, (one) => keys.indexOf(one.key)),
      effectiveTime: Float64Array.from(some, (one) => one.effectiveTime),
      knownTime: Float64Array.from(some, (one) => one.knownTime),
      sequence: Float64Array.from(some, sequenceOf),
      fields: fields.map(
        (name): Column =>
          source.schema[name]?.type === 'string'
            ? some.map((one) => (one.row[name] ?? null) as string | null)
            : Float64Array.from(some, (one) => numberOf(one.row[name])),
      ),
    });
    const hand = (some: readonly MemoryEvent[], onBlock: (block: EventBlock) => void): Promise<void> => {
      for (let at = 0; at < some.length; at += BLOCK_ROWS) onBlock(blockOf(some.slice(at, at + BLOCK_ROWS)));
      return Promise.resolve();
    };
    return {
      some: (rowsMax, onBlock) => hand(seen.slice(0, rowsMax), onBlock),
      ordered: (onBlock) => hand([...seen].sort((a, b) => timeOf(a) - timeOf(b) || sequenceOf(a) - sequenceOf(b)), onBlock),
    };
}

import type { Column } from '../copy-columns.ts';
import type { EventBlock } from './event-reader.ts';

/** Below it a segment is sorted by insertion, which is linear where it is nearly sorted already. */
const INSERTION_ROWS_MAX = 64;

/** All rows of some blocks as one. */
export function joinBlocks(blocks: readonly EventBlock[]): EventBlock {
  const rows = blocks.reduce((sum, block) => sum + block.rows, 0);
  const numbers = (columnOf: (block: EventBlock) => Float64Array): Float64Array => {
    const out = new Float64Array(rows);
    let at = 0;
    for (const block of blocks) {
      out.set(columnOf(block).subarray(0, block.rows), at);
      at += block.rows;
    }
    return out;
  };
  const fields = (blocks[0]?.fields ?? []).map((first, f): Column =>
    Array.isArray(first)
      ? blocks.flatMap((block) => (block.fields[f] as (string | null)[]).slice(0, block.rows))
      : numbers((block) => block.fields[f] as Float64Array),
  );
  return {
    rows,
    keyIds: numbers((block) => block.keyIds),
    effectiveTime: numbers((block) => block.effectiveTime),
    knownTime: numbers((block) => block.knownTime),
    sequence: numbers((block) => block.sequence),
    fields,
  };
}

/**
 * Rows of a block, key after key, each key's by the time that decides whether a row sees them, then by their sequence:
 * a counting sort by key that keeps their order, which in a log is nearly that of their times already.
 */
export function orderByKey(block: EventBlock, keyCount: number, visibleBy: 'known' | 'happened'): Uint32Array {
  const { rows, keyIds, sequence } = block;
  const time = visibleBy === 'known' ? block.knownTime : block.effectiveTime;
  const starts = new Uint32Array(keyCount + 1);
  for (let i = 0; i < rows; i++) starts[keyIds[i]! + 1]! += 1;
  for (let id = 0; id < keyCount; id++) starts[id + 1]! += starts[id]!;
  const order = new Uint32Array(rows);
  const next = starts.slice();
  for (let i = 0; i < rows; i++) order[next[keyIds[i]!]!++] = i;
  for (let id = 0; id < keyCount; id++) {
    const [start, end] = [starts[id]!, starts[id + 1]!];
    if (end - start > INSERTION_ROWS_MAX) sortLong(order.subarray(start, end), time, sequence);
    else insertionSort(order, start, end, time, sequence);
  }
  return order;
}

function insertionSort(
  order: Uint32Array,
  start: number,
  end: number,
  time: Float64Array,
  sequence: Float64Array,
): void {
  for (let i = start + 1; i < end; i++) {
    const row = order[i]!;
    let to = i;
    for (; to > start && isBefore(row, order[to - 1]!, time, sequence); to--) order[to] = order[to - 1]!;
    order[to] = row;
  }
}

function sortLong(rows: Uint32Array, time: Float64Array, sequence: Float64Array): void {
  for (let i = 1; i < rows.length; i++) {
    if (!isBefore(rows[i]!, rows[i - 1]!, time, sequence)) continue;
    rows.sort((a, b) => time[a]! - time[b]! || sequence[a]! - sequence[b]!);
    return;
  }
}

const isBefore = (a: number, b: number, time: Float64Array, sequence: Float64Array): boolean =>
  time[a]! < time[b]! || (time[a] === time[b] && sequence[a]! < sequence[b]!);

import type { Column } from '../copy-columns.ts';
import type { EventBlock } from './event-reader.ts';

/**
 * Events of blocks, key after key, each key's by the time that decides whether a row sees them, then by their sequence:
 * a counting sort by key that keeps their order, which in a log is nearly that of their times already.
 */
export function sortedByKey(
  blocks: readonly EventBlock[],
  keyCount: number,
  visibleBy: 'known' | 'happened',
): EventBlock {
  const rows = blocks.reduce((sum, block) => sum + block.rows, 0);
  const starts = new Uint32Array(keyCount + 1);
  for (const { rows: count, keyIds } of blocks) for (let i = 0; i < count; i++) starts[keyIds[i]! + 1]! += 1;
  for (let id = 0; id < keyCount; id++) starts[id + 1]! += starts[id]!;
  const place = new Uint32Array(rows);
  const next = starts.slice();
  let from = 0;
  for (const { rows: count, keyIds } of blocks) {
    for (let i = 0; i < count; i++) place[from + i] = next[keyIds[i]!]!++;
    from += count;
  }
  const scattered = scatter(blocks, rows, place);
  return inOrder(scattered, starts, visibleBy);
}

function scatter(blocks: readonly EventBlock[], rows: number, place: Uint32Array): EventBlock {
  const numbers = (columnOf: (block: EventBlock) => Float64Array): Float64Array => {
    const out = new Float64Array(rows);
    let from = 0;
    for (const block of blocks) {
      const column = columnOf(block);
      for (let i = 0; i < block.rows; i++) out[place[from + i]!] = column[i]!;
      from += block.rows;
    }
    return out;
  };
  const fields = (blocks[0]?.fields ?? []).map((first, f): Column => {
    if (!Array.isArray(first)) return numbers((block) => block.fields[f] as Float64Array);
    const out = new Array<string | null>(rows).fill(null);
    let from = 0;
    for (const block of blocks) {
      const column = block.fields[f] as (string | null)[];
      for (let i = 0; i < block.rows; i++) out[place[from + i]!] = column[i]!;
      from += block.rows;
    }
    return out;
  });
  return {
    rows,
    keyIds: numbers((block) => block.keyIds),
    effectiveTime: numbers((block) => block.effectiveTime),
    knownTime: numbers((block) => block.knownTime),
    sequence: numbers((block) => block.sequence),
    fields,
  };
}

/** Sorts the events of those keys that are not in order; most are. */
function inOrder(block: EventBlock, starts: Uint32Array, visibleBy: 'known' | 'happened'): EventBlock {
  const time = visibleBy === 'known' ? block.knownTime : block.effectiveTime;
  const { sequence, rows } = block;
  let order: Uint32Array | undefined;
  for (let key = 0; key + 1 < starts.length; key++) {
    const [start, end] = [starts[key]!, starts[key + 1]!];
    if (isSorted(time, sequence, start, end)) continue;
    order ??= Uint32Array.from({ length: rows }, (_, i) => i);
    order.subarray(start, end).sort((a, b) => time[a]! - time[b]! || sequence[a]! - sequence[b]!);
  }
  if (order === undefined) return block;
  const by = order;
  const gather = (column: Float64Array): Float64Array => {
    const out = new Float64Array(rows);
    for (let i = 0; i < rows; i++) out[i] = column[by[i]!]!;
    return out;
  };
  return {
    rows,
    // Events change places within a key only.
    keyIds: block.keyIds,
    effectiveTime: gather(block.effectiveTime),
    knownTime: gather(block.knownTime),
    sequence: gather(block.sequence),
    fields: block.fields.map((column) =>
      Array.isArray(column) ? Array.from(by, (row) => column[row] ?? null) : gather(column),
    ),
  };
}

function isSorted(time: Float64Array, sequence: Float64Array, start: number, end: number): boolean {
  for (let i = start + 1; i < end; i++) {
    if (time[i]! < time[i - 1]!) return false;
    if (time[i] === time[i - 1] && sequence[i]! < sequence[i - 1]!) return false;
  }
  return true;
}

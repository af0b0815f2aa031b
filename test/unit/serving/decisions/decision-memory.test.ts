import { describe, expect, it } from 'vitest';
import { DecisionMemory, type DecisionChunk } from '../../../../serving/decisions/decision-memory.ts';

const CHUNK_BYTES = 65_536;
const FREE_MAX = 64;

/** Fills the chunk at hand, so that the next decision goes to another. */
function fill(memory: DecisionMemory, bytes = CHUNK_BYTES): DecisionChunk {
  const chunk = memory.current;
  chunk.writer.bytes(new Uint8Array(bytes));
  return chunk;
}

describe('the memory of decisions', () => {
  it('is used again once nobody keeps any decision in it', () => {
    const memory = new DecisionMemory();
    const first = fill(memory);
    memory.hold(first);
    memory.hold(first);
    const second = fill(memory);
    expect(second).not.toBe(first);
    memory.release(first);
    expect(fill(memory)).not.toBe(first);
    memory.release(first);
    expect(memory.current).toBe(first);
    expect(first.writer.length).toBe(0);
  });

  it('that one long decision made grow is let go', () => {
    const memory = new DecisionMemory();
    const long = fill(memory, 4 * CHUNK_BYTES);
    expect(memory.current).not.toBe(long);
    fill(memory);
    expect(memory.current).not.toBe(long);
  });

  it('keeps so many chunks for their next use, and no more', () => {
    const memory = new DecisionMemory();
    const chunks = Array.from({ length: FREE_MAX + 10 }, () => {
      const chunk = fill(memory);
      memory.hold(chunk);
      return chunk;
    });
    fill(memory);
    for (const chunk of chunks) memory.release(chunk);
    const next = Array.from({ length: FREE_MAX + 10 }, () => {
      const chunk = fill(memory);
      memory.hold(chunk);
      return chunk;
    });
    expect(next.filter((chunk) => chunks.includes(chunk))).toHaveLength(FREE_MAX);
  });
});
